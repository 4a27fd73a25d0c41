cdef extern from *:
    """
    #include "winograd.h"
    """
    enum:
        NO_MEMORY
        NOT_FINITE
    ctypedef struct WinogradLayer:
        int itemsize, form, isa, threads
        Py_ssize_t batch, groups, channels, outputs
        Py_ssize_t[2] size, out_size, low
        char *x
        char *w
        char *bias
        Py_ssize_t[4] x_stride
        Py_ssize_t[5] w_stride
        char *out
    int _form "winograd_form"(Py_ssize_t, Py_ssize_t, Py_ssize_t, const Py_ssize_t *) noexcept nogil
    int winograd_convolve(const WinogradLayer *) except? -3 nogil


cdef bint _fast(accuracy) except -1:
    """Return whether fewer products are wanted, at the cost of larger rounding errors."""
    if accuracy is "exact":
        return False
    if isinstance(accuracy, str) and (accuracy == "exact" or accuracy == "fast"):
        return accuracy == "fast"
    _numpy().check_accuracy(accuracy)


cdef bint _suits(
    const Window *v, Py_ssize_t channels, Py_ssize_t outputs, const Py_ssize_t *size
) noexcept:
    """Return whether Winograd's form exists and is faster."""
    cdef int a
    for a in range(2):
        if v.taps[a] != 3 or v.stride[a] != 1 or v.dilation[a] != 1:
            return False
    return _form(v.batch, channels, outputs, size) >= 0


def winograd_form(batch, channels, outputs, size):
    """Return the number of the Winograd form that ``accuracy="fast"`` uses, or -1 for none.

    The filter is 3 x 3, with stride 1 and dilation 1.

    Args:
        batch: the size of the batch.
        channels: input channels of a group.
        outputs: output channels of a group.
        size: the outputs along each axis.

    """
    cdef Py_ssize_t[2] out_size
    out_size[0], out_size[1] = size
    return _form(batch, channels, outputs, out_size)


cdef _with_contiguous_rows(array):
    """Return an array whose last axis is contiguous."""
    if cnp.PyArray_STRIDE(array, 3) == cnp.PyArray_ITEMSIZE(array):
        return array
    return np.ascontiguousarray(array)


cdef int _winograd(
    const Window *v, bint rotated, Py_buffer *out, Py_buffer *x, Py_buffer *w, void *bias
) except -1:
    """Compute a forward pass, or with the rotated filter an input gradient; return 1 if finite."""
    cdef WinogradLayer s
    cdef int a, said
    s.itemsize, s.isa, s.threads = out.itemsize, rot180_isa, rot180_threads
    if s.isa < 0:
        s.isa = rot180_best()
    s.batch, s.groups, s.channels, s.outputs = v.batch, v.groups, x.shape[2], out.shape[2]
    s.x, s.w, s.out, s.bias = <char *>x.buf, <char *>w.buf, <char *>out.buf, <char *>bias
    for a in range(4):
        s.x_stride[a] = x.strides[a]
    for a in range(5):
        s.w_stride[a] = w.strides[a]
    for a in range(2):
        s.size[a], s.out_size[a] = x.shape[3 + a], out.shape[3 + a]
        s.low[a] = v.low[a]
        if rotated:
            s.low[a] = 2 - v.low[a]
            s.w += 2 * w.strides[3 + a]
            s.w_stride[3 + a] = -w.strides[3 + a]
    if rotated:
        s.w_stride[1], s.w_stride[2] = w.strides[2], w.strides[1]
    s.form = _form(s.batch, s.channels, s.outputs, s.out_size)
    with nogil:
        said = winograd_convolve(&s)
    if said == NO_MEMORY:
        raise MemoryError("scratch memory")
    return said != NOT_FINITE
