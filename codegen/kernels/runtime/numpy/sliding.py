"""Blocks along an axis over which a filter slides: what they read, and with which padding.

What a block reads is a theorem about each layer, for every stride, dilation and padding.
"""

from __future__ import annotations

from rot180.codegen.kernels.runtime.numpy.block_loops import SlidingAxis, SlidingBlock, Span
from rot180.generated.dask_windows import (
    gather_padding,
    gather_window,
    scatter_padding,
    scatter_window,
)


def block_of_windows(axis: SlidingAxis, windows: Span) -> SlidingBlock:
    """Return some windows, and what they read."""
    ends = gather_window(*windows, axis.taps, axis.dilation, axis.low, axis.stride)
    part = _held(*ends, axis.size)
    low = gather_padding(windows[0], part[0], axis.low, axis.stride)
    return _block(axis, windows, part, low)


def block_under_windows(axis: SlidingAxis, part: Span) -> SlidingBlock:
    """Return a part of the axis that windows move over, and the windows that reach it."""
    ends = scatter_window(*part, axis.taps, axis.dilation, axis.low, axis.stride)
    windows = _held(*ends, axis.windows)
    low = scatter_padding(part[0], windows[0], axis.low, axis.stride)
    return _block(axis, windows, part, low)


def _block(axis: SlidingAxis, windows: Span, part: Span, low: int) -> SlidingBlock:
    """Return a block; the padding at its end is the one with which it has as many windows."""
    high = axis.stride * (windows[1] - 1) + axis.extent - part[1] - low
    return SlidingBlock(windows, part, (low, high))


def _held(start: int, stop: int, size: int) -> Span:
    """Return the part of an interval that an axis has; one index if it has none.

    Entries outside an array are 0, and a window may be larger than what is read.
    """
    first = min(max(start, 0), max(size - 1, 0))
    return first, min(max(min(stop, size), first + 1), size) - first
