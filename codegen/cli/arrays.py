"""Reads the bytes of a ``.npy`` file with one array of numbers; what a header says is not trusted.

NumPy's own reader allocates what the header claims before it looks at the data, and raises errors
of many kinds. Here the data must be as long as the header says, and every fault is a `ValueError`.
"""

from __future__ import annotations

import ast
import math
import re
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

MAGIC = b"\x93NUMPY"
LENGTHS = {1: 2, 2: 4, 3: 4}
"""How many bytes say how long the header is, for each version of the format."""

HEADER, AXES, SIZE = 10_000, 32, 10**6
"""Limits: the characters of a header, the axes of an array, and the size of an axis."""

DTYPE = re.compile(r"[<>|=]?(?:[iu][1248]|f[248])")
"""The dtypes that every machine has; a long double is another format on each."""

EXHAUSTED = (MemoryError, RecursionError)
"""What Python's parser raises for hundreds of brackets in brackets."""

CURE = "save the array again: numpy.save(FILE, array)"


def decode(data: bytes, name: str) -> NDArray[Any]:
    """Return the array of a ``.npy`` file.

    Args:
        data: the bytes of the file.
        name: the name of the file, for messages.

    Raises:
        ValueError: it is not a ``.npy`` file, or not of integers or floats, or the data is not as
            long as the header says.

    """

    def fail(found: str, expected: str, cure: str = CURE) -> NoReturn:
        raise ValueError(f"{name}: found {found}, expected {expected}; {cure}")

    if not data.startswith(MAGIC):
        what = "several arrays, an archive" if data.startswith(b"PK") else "no array of numbers"
        fail(what, "a .npy file with one array")
    width = LENGTHS.get(data[6]) if len(data) > 7 and not data[7] else None
    if width is None:
        version = ".".join(map(str, data[6:8]))
        fail(f"the version {version}", "version 1.0, 2.0 or 3.0 of the format")
    start = 8 + width
    end = start + int.from_bytes(data[8:start], "little")
    if end > min(len(data), start + HEADER):
        fail(f"a header of {end - start} bytes", f"one within the file, of at most {HEADER}")
    try:
        header = ast.literal_eval(data[start:end].decode("ascii"))
        descr, fortran, shape = (header.pop(key) for key in ("descr", "fortran_order", "shape"))
        whole = not header and isinstance(fortran, bool)
    except (ValueError, SyntaxError, TypeError, AttributeError, KeyError, *EXHAUSTED):
        whole = False
    if not whole:
        fail("a malformed header", "a dict of descr, fortran_order and shape")
    if not isinstance(descr, str) or not DTYPE.fullmatch(descr):
        cure = "convert it: array.astype(numpy.float64)"
        fail(f"the dtype {ascii(descr)[:80]}", "integers or floats of at most 64 bits", cure)
    sizes = shape if isinstance(shape, tuple) and len(shape) <= AXES else (None,)
    if any(type(n) is not int or n < 0 for n in sizes):
        fail(f"the shape {ascii(shape)[:80]}", f"at most {AXES} sizes of 0 or more")
    wanted, found = math.prod(shape) * np.dtype(descr).itemsize, len(data) - end
    if found != wanted:
        fail(f"{found} bytes of data", f"the {wanted} that the shape {ascii(shape)[:80]} needs")
    if max(shape, default=0) > SIZE:
        fail(f"the shape {ascii(shape)[:80]}", f"sizes of at most {SIZE}")
    flat = np.frombuffer(data, np.dtype(descr), math.prod(shape), end)
    return flat.reshape(shape, order="F" if fortran else "C")
