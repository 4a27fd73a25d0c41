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
        Py_ssize_t[2] size, out_size, low, taps
        int nested
        char *x
        char *w
        char *bias
        Py_ssize_t[4] x_stride
        Py_ssize_t[5] w_stride
        char *out
    int _form "winograd_form"(const WinogradLayer *) noexcept nogil
    int winograd_convolve(const WinogradLayer *) except? -3 nogil


cdef bint _fast(accuracy) except -1:
    """Return whether fewer products are wanted, at the cost of larger rounding errors."""
    if accuracy is "exact":
        return False
    if isinstance(accuracy, str) and (accuracy == "exact" or accuracy == "fast"):
        return accuracy == "fast"
    _numpy().check_accuracy(accuracy)


cdef void _sizes(
    WinogradLayer *s, Py_ssize_t batch, Py_ssize_t channels, Py_ssize_t outputs,
    const Py_ssize_t *size, const Py_ssize_t *taps, int rank
) noexcept:
    """Fill in the sizes of a layer; one axis becomes the second of two."""
    cdef int a
    s.batch, s.channels, s.outputs, s.nested = batch, channels, outputs, rank == 1
    s.out_size[0], s.taps[0] = 1, 1
    for a in range(rank):
        s.out_size[2 - rank + a], s.taps[2 - rank + a] = size[a], taps[a]
    s.form = _form(s)


cdef bint _suits(
    const Window *v, Py_ssize_t channels, Py_ssize_t outputs, const Py_ssize_t *size, int rank
) noexcept:
    """Return whether Winograd's form exists and is faster."""
    cdef WinogradLayer s
    cdef int a
    for a in range(rank):
        if v.stride[a] != 1 or v.dilation[a] != 1:
            return False
    _sizes(&s, v.batch, channels, outputs, size, v.taps, rank)
    return s.form >= 0


def winograd_form(batch, channels, outputs, size, taps):
    """Return the number of the Winograd form that ``accuracy="fast"`` uses, or -1 for none.

    Stride and dilation are 1.

    Args:
        batch: the size of the batch.
        channels: input channels of a group.
        outputs: output channels of a group.
        size: the outputs along each axis, of one or two.
        taps: the taps along each axis.

    """
    cdef WinogradLayer s
    cdef Py_ssize_t[2] out_size, filter
    cdef int a, rank = len(size)
    if not 1 <= rank <= 2 or len(taps) != rank:
        raise ValueError(f"size, taps: found {size} and {taps}, expected one or two axes each")
    for a in range(rank):
        out_size[a], filter[a] = size[a], taps[a]
    _sizes(&s, batch, channels, outputs, out_size, filter, rank)
    return s.form


cdef _with_contiguous_rows(array):
    """Return an array whose last axis is contiguous."""
    if cnp.PyArray_STRIDE(array, cnp.PyArray_NDIM(array) - 1) == cnp.PyArray_ITEMSIZE(array):
        return array
    return np.ascontiguousarray(array)


cdef int _winograd(
    const Window *v, bint rotated, Py_buffer *out, Py_buffer *x, Py_buffer *w, void *bias
) except -1:
    """Compute a forward pass, or with the rotated filter an input gradient; return 1 if finite."""
    cdef WinogradLayer s
    cdef int a, at, rank = out.ndim - 3, said
    cdef Py_ssize_t[2] size
    for a in range(rank):
        size[a] = out.shape[3 + a]
    s.itemsize, s.isa, s.threads = out.itemsize, rot180_isa, rot180_threads
    if s.isa < 0:
        s.isa = rot180_best()
    s.groups = v.groups
    _sizes(&s, v.batch, x.shape[2], out.shape[2], size, v.taps, rank)
    s.x, s.w, s.out, s.bias = <char *>x.buf, <char *>w.buf, <char *>out.buf, <char *>bias
    s.size[0], s.low[0], s.low[1], s.x_stride[3], s.w_stride[3] = 1, 0, 0, 0, 0
    for a in range(3):
        s.x_stride[a], s.w_stride[a] = x.strides[a], w.strides[a]
    for a in range(rank):
        at = 2 - rank + a
        s.size[at] = x.shape[3 + a]
        s.w_stride[3 + at] = w.strides[3 + a]
        s.low[a] = v.low[a]  # with one axis, the padding of the rows of its image
        if rotated:
            s.low[a] = v.taps[a] - 1 - v.low[a]
            s.w += (v.taps[a] - 1) * w.strides[3 + a]
            s.w_stride[3 + at] = -w.strides[3 + a]
    if rank == 2:
        s.x_stride[3] = x.strides[3]
    if rotated:
        s.w_stride[1], s.w_stride[2] = w.strides[2], w.strides[1]
    with nogil:
        said = winograd_convolve(&s)
    if said == NO_MEMORY:
        raise MemoryError("scratch memory")
    return said != NOT_FINITE
