"""Kernels: proved plans as the text of NumPy, Cython and C."""
