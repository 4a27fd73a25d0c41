cdef struct Window:
    # A checked geometry; channels and outputs are those of one group.
    Py_ssize_t batch, groups, channels, outputs
    Py_ssize_t[3] size, taps, out, stride, dilation, low


cdef int _take(Window *v, checked) except -1:
    """Copy a geometry from the checks in Python."""
    cdef int a
    x, w, y = checked.whole["x"], checked.whole["w"], checked.whole["y"]
    v.groups = checked.groups
    v.batch, v.outputs = y[0], y[1] // v.groups
    v.channels = x[1] // v.groups
    for a in range(len(checked.strides)):
        v.size[a], v.taps[a], v.out[a] = x[2 + a], w[2 + a], y[2 + a]
        v.stride[a], v.dilation[a] = checked.strides[a], checked.dilations[a]
        v.low[a] = checked.lows[a]
    return 0
