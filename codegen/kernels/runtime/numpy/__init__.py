"""The runtime of kernels in Python."""
