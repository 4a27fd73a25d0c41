cdef struct View:
    # An array with its channels split into groups, as the sums read it.
    Py_buffer buffer
    Py_ssize_t[MOST_AXES] shape, strides


cdef inline bint _usual(value, int rank) noexcept:
    """Return whether it is an array that C can read where it is."""
    cdef cnp.ndarray array
    cdef const cnp.npy_intp *strides
    cdef Py_ssize_t places
    cdef int kind, axis
    if not cnp.PyArray_CheckExact(value):
        return False
    array = <cnp.ndarray>value
    if cnp.PyArray_NDIM(array) != rank:
        return False
    kind = cnp.PyArray_TYPE(array)
    if kind != cnp.NPY_FLOAT and kind != cnp.NPY_DOUBLE or not cnp.PyArray_ISNOTSWAPPED(array):
        return False
    places = <Py_ssize_t>cnp.PyArray_DATA(array)
    strides = cnp.PyArray_STRIDES(array)
    for axis in range(rank):
        places |= strides[axis]
    return places & (3 if kind == cnp.NPY_FLOAT else 7) == 0


cdef inline const Py_ssize_t *_shape(array) noexcept:
    return <const Py_ssize_t *>cnp.PyArray_DIMS(<cnp.ndarray>array)


cdef inline int _type(array) noexcept:
    return cnp.PyArray_TYPE(<cnp.ndarray>array)


cdef _array(int rank, Py_ssize_t *shape, int kind, bint whole):
    """Return an array of zeros, or of anything where the first sum writes all of it."""
    if whole:
        return cnp.PyArray_EMPTY(rank, <cnp.npy_intp *>shape, kind, 0)
    return cnp.PyArray_ZEROS(rank, <cnp.npy_intp *>shape, kind, 0)


cdef inline bint _alike(one, other) noexcept:
    """Return whether two arrays have one dtype."""
    return _type(one) == _type(other)


cdef inline bint _integer(value, Py_ssize_t least, Py_ssize_t *out) noexcept:
    """Read a plain integer; return whether it is one, from `least` to LARGEST_PARAMETER."""
    cdef int overflow = 0
    if not PyLong_CheckExact(value):
        return False
    out[0] = PyLong_AsLongAndOverflow(value, &overflow)
    return not overflow and least <= out[0] <= LARGEST_PARAMETER


cdef bint _integers(value, int count, Py_ssize_t least, Py_ssize_t *out) noexcept:
    """Read a tuple of plain integers."""
    cdef int axis
    if not PyTuple_CheckExact(value) or PyTuple_GET_SIZE(value) != count:
        return False
    for axis in range(count):
        if not _integer(<object>PyTuple_GET_ITEM(value, axis), least, &out[axis]):
            return False
    return True


cdef inline bint _per_axis(value, int rank, Py_ssize_t least, Py_ssize_t *out) noexcept:
    """Read an integer, or one for each axis."""
    if not _integer(value, least, out):
        return _integers(value, rank, least, out)
    out[1] = out[2] = out[0]
    return True


cdef inline bint _few(const Py_ssize_t *shape, int rank) noexcept:
    """Return whether an array of that shape is of a reasonable size."""
    cdef double elements = 1
    cdef Py_ssize_t bits = 0
    cdef int axis
    for axis in range(rank):
        bits |= shape[axis]
    if 0 <= bits < 256 and rank <= 5:
        return True
    for axis in range(rank):
        if shape[axis] > LARGEST_PARAMETER:
            return False
        elements *= shape[axis] if shape[axis] else 1
    return elements <= LARGEST_ARRAY


cdef bint _size(value, int rank, Py_ssize_t *out) noexcept:
    """Read the shape of an array."""
    return _integers(value, rank, 0, out) and _few(out, rank)


@cython.cdivision(True)
cdef inline Py_ssize_t _floor(Py_ssize_t a, Py_ssize_t b) noexcept:
    """Return the floor of a quotient, or 0 where it is negative: b >= 1."""
    return 0 if a < b else a if b == 1 else a // b


_DTYPES = frozenset((np.dtype("float32"), np.dtype("float64")))


cdef _numpy():
    """Return NumPy's public functions, which check unusual arguments."""
    from rot180.generated import numpy_kernels

    return numpy_kernels


cdef bint _left(array):
    """Return whether NumPy's kernels compute with arrays of that dtype; not if it is stored."""
    if not isinstance(array, np.ndarray) or array.dtype in _DTYPES:
        return False
    from rot180.generated.numpy_storage import is_stored

    return not is_stored(array.dtype)


cdef _aligned(array):
    """Return an array whose entries lie where C expects them."""
    if cnp.PyArray_ISALIGNED(array) and _usual(np.asarray(array), array.ndim):
        return array
    return array.copy()


@cython.cdivision(True)
cdef inline bint _divided(Py_ssize_t axis, Py_ssize_t by, Py_ssize_t *out) noexcept:
    """Divide the size of an axis by the groups, >= 1; return whether there is no remainder."""
    if by == 1:
        out[0] = axis
        return True
    out[0] = axis // by
    return axis % by == 0


cdef inline Py_buffer *_view(View *to, array, int rank, int split, Py_ssize_t groups) noexcept:
    """Return a view of an array, one axis split in two: the groups, and what each has."""
    cdef const Py_ssize_t *shape = _shape(array)
    cdef const Py_ssize_t *strides = <const Py_ssize_t *>cnp.PyArray_STRIDES(<cnp.ndarray>array)
    cdef int axis, at = 0
    for axis in range(rank):
        to.shape[at], to.strides[at] = shape[axis], strides[axis]
        if axis == split:
            to.shape[at + 1] = shape[axis] // groups if groups > 1 else shape[axis]
            to.strides[at + 1] = strides[axis]
            to.shape[at] = groups
            to.strides[at] = to.strides[at + 1] * to.shape[at + 1]
            at += 1
        at += 1
    to.buffer.buf = cnp.PyArray_DATA(<cnp.ndarray>array)
    to.buffer.itemsize = 4 if _type(array) == cnp.NPY_FLOAT else 8
    to.buffer.ndim = at
    to.buffer.shape = to.shape
    to.buffer.strides = to.strides
    return &to.buffer
