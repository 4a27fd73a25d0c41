"""What generated kernels run on, in files of its own language; it is inlined into them."""
