"""The benchmark suite: `python -m benchmarks` times the kernels against their peers.

`cases` is the list of layers, `peers` what they are compared with, `measure` how, `results` what
is kept, `report` how it is shown, `compare` two checkouts against each other.
"""
