/* The module in Python of a layer's compiled kernels: everything that no layer changes. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "contraction.h"
#include "kernel.h"

#ifdef ROT180_LENT /* the place of the functions in a module that is imported already */
static const Contraction *contraction;
#else
static const Contraction own = {rot180_contract, rot180_small, &rot180_threads};
static const Contraction *const contraction = &own;
#endif

static const char KERNEL[] = "rot180 kernel";
static const double MOST_BYTES = (double)((Int)1 << 40);

int kernel_check_signals(void) { return PyErr_CheckSignals(); }

int kernel_small(double products) { return contraction->small(products); }

void *kernel_leave(void) { return PyEval_SaveThread(); }

void kernel_return(void *state) { PyEval_RestoreThread(state); }

int kernel_run(Nest *nest) {
    PyThreadState *state = PyEval_SaveThread();
    const int failed = contraction->contract(nest);
    PyEval_RestoreThread(state);
    if (failed == DONE || failed == ANSWERED) return 0;
    if (PyErr_Occurred()) return -1;
    if (failed == NO_MEMORY) PyErr_SetString(PyExc_MemoryError, "scratch memory");
    else
        PyErr_SetString(PyExc_ValueError,
                        "an index reaches 2**60, expected less; or nothing bounds a loop");
    return -1;
}

int kernel_reach(double index) {
    if (index < (double)ENDLESS) return 0;
    PyErr_SetString(PyExc_ValueError, "an index reaches 2**60, expected less");
    return -1;
}

int kernel_bound(Nest *nest, int loop, Int size) {
    return rot180_bound(nest, loop, size) ? 0 : kernel_reach((double)ENDLESS);
}

int kernel_allocate(Intermediate *made, const char *name, Int itemsize, int axes,
                    const Int *sizes) {
    double bytes = (double)itemsize;
    Int stride = itemsize;
    for (int axis = 0; axis < axes; axis++) bytes *= (double)sizes[axis];
    if (bytes > MOST_BYTES) {
        PyErr_Format(PyExc_ValueError, "%s, an intermediate: found more than 2**40 bytes", name);
        return -1;
    }
    for (int axis = axes - 1; axis >= 0; axis--) {
        made->shape[axis] = sizes[axis];
        made->strides[axis] = stride;
        if (bytes > 0) stride *= sizes[axis];
    }
    made->view.buf = calloc(bytes > 0 ? (size_t)stride : 1, 1);
    if (!made->view.buf) {
        PyErr_Format(PyExc_MemoryError, "%s, an intermediate of %zd bytes", name, stride);
        return -1;
    }
    made->view.itemsize = itemsize;
    made->view.ndim = axes;
    made->view.shape = made->shape;
    made->view.strides = made->strides;
    return 0;
}

/* Hold an array as long as a call; a copy of it, where its entries are not aligned. */
static int hold(PyObject *array, Py_buffer *held, View *view, int writable) {
    uintptr_t places;
    if (writable && array == Py_None) {
        memset(held, 0, sizeof *held);
        memset(view, 0, sizeof *view);
        return 0;
    }
    if (PyObject_GetBuffer(array, held, PyBUF_STRIDES | (writable ? PyBUF_WRITABLE : 0))) return -1;
    if (held->ndim > AXES || (held->itemsize != 4 && held->itemsize != 8)) {
        PyErr_Format(PyExc_ValueError,
                     "found %d axes and %zd bytes an entry, expected at most %d "
                     "axes, and 4 or 8 bytes",
                     held->ndim, held->itemsize, (int)AXES);
        PyBuffer_Release(held);
        return -1;
    }
    places = (uintptr_t)held->buf;
    for (int axis = 0; axis < held->ndim; axis++) places |= (uintptr_t)held->strides[axis];
    if (places % (uintptr_t)held->itemsize && !writable) {
        PyObject *copy = PyObject_CallMethod(array, "copy", NULL);
        int failed;
        PyBuffer_Release(held);
        if (!copy) return -1;
        failed = PyObject_GetBuffer(copy, held, PyBUF_STRIDES);
        Py_DECREF(copy); /* the buffer holds it */
        if (failed) return -1;
    }
    view->buf = held->buf;
    view->itemsize = held->itemsize;
    view->ndim = held->ndim;
    view->shape = held->shape;
    view->strides = held->strides;
    return 0;
}

/* Call a kernel: `self` says which. */
static PyObject *call(PyObject *self, PyObject *const *given, Py_ssize_t count) {
    const Kernel *kernel = PyCapsule_GetPointer(self, KERNEL);
    Py_buffer held[MOST_ARRAYS];
    View views[MOST_ARRAYS];
    Int integers[MOST_NUMBERS];
    double reals[MOST_NUMBERS];
    Py_ssize_t itemsize = 0;
    int arrays = 0, failed = 0;
    if (!kernel) return NULL;
    if (count != kernel->arrays + kernel->integers + kernel->reals) {
        PyErr_Format(PyExc_TypeError, "%s: found %zd arguments, expected %d", kernel->name, count,
                     kernel->arrays + kernel->integers + kernel->reals);
        return NULL;
    }
    for (int n = 0; n < kernel->integers && !failed; n++) {
        integers[n] = PyLong_AsSsize_t(given[kernel->arrays + n]);
        failed = integers[n] == -1 && PyErr_Occurred();
    }
    for (int n = 0; n < kernel->reals && !failed; n++) {
        reals[n] = PyFloat_AsDouble(given[kernel->arrays + kernel->integers + n]);
        failed = reals[n] == -1 && PyErr_Occurred();
    }
    while (arrays < kernel->arrays && !failed) {
        failed = hold(given[arrays], &held[arrays], &views[arrays], arrays < kernel->written);
        if (failed) break;
        if (!itemsize) itemsize = held[arrays].itemsize;
        if (held[arrays].buf && held[arrays].itemsize != itemsize) failed = 1;
        arrays++;
        if (failed) {
            PyErr_SetString(PyExc_TypeError,
                            "found arrays of different dtypes, expected one dtype");
        }
    }
    if (!failed) failed = kernel->compute(views, integers, reals);
    while (arrays > 0) PyBuffer_Release(&held[--arrays]);
    if (failed) return NULL;
    Py_RETURN_NONE;
}

/* Set the number of threads for a large sum, unless it is 0, and return it. */
static PyObject *threads(PyObject *self, PyObject *count) {
    const long chosen = PyLong_AsLong(count);
    (void)self;
    if (chosen == -1 && PyErr_Occurred()) return NULL;
    if (chosen < 0 || chosen > 1024) {
        PyErr_Format(PyExc_ValueError, "count: found %ld, expected an integer from 1 to 1024",
                     chosen);
        return NULL;
    }
    if (chosen) *contraction->threads = (int)chosen;
    return PyLong_FromLong(*contraction->threads);
}

/* Add a layer's function to its module. */
static int add_kernel(PyObject *module, const Kernel *kernel) {
    PyMethodDef *method = calloc(1, sizeof(PyMethodDef)); /* lives as long as the process */
    PyObject *which = PyCapsule_New((void *)kernel, KERNEL, NULL), *function;
    if (!method || !which) return -1;
    method->ml_name = kernel->name;
    method->ml_meth = (PyCFunction)(void (*)(void))call;
    method->ml_flags = METH_FASTCALL;
    function = PyCFunction_New(method, which);
    Py_DECREF(which);
    return function ? PyModule_AddObject(module, kernel->name, function) : -1;
}

#ifdef ROT180_LENT
static int find_contraction(void) {
    contraction = PyCapsule_Import(ROT180_LENT, 0);
    return contraction ? 0 : -1;
}
#else
/* Run the handlers of signals; return whether one raised an exception, which is then set. */
static int interrupted(void) {
    PyGILState_STATE state = PyGILState_Ensure();
    int raised = PyErr_CheckSignals();
    PyGILState_Release(state);
    return raised;
}

static int find_contraction(void) {
    rot180_interrupted = interrupted;
    return 0;
}
#endif

PyMODINIT_FUNC PyInit_rot180_layer(void) {
    static PyMethodDef methods[] = {{"_threads", threads, METH_O, NULL}, {NULL, NULL, 0, NULL}};
    static struct PyModuleDef definition = {
        PyModuleDef_HEAD_INIT, "rot180_layer", NULL, -1, methods, NULL, NULL, NULL, NULL};
    PyObject *module = find_contraction() ? NULL : PyModule_Create(&definition);
#ifdef Py_GIL_DISABLED
    if (module) PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED);
#endif
    for (const Kernel *kernel = rot180_kernels; module && kernel->name; kernel++) {
        if (kernel->arrays > MOST_ARRAYS || kernel->integers > MOST_NUMBERS ||
            kernel->reals > MOST_NUMBERS)
            PyErr_Format(PyExc_ImportError, "%s has too many arguments", kernel->name);
        else if (!add_kernel(module, kernel)) continue;
        Py_CLEAR(module);
    }
    return module;
}
