"""The benchmark suite: `python -m benchmarks` times the kernels and other libraries.

`cases` lists the layers, `peers` the libraries, `measure` takes the times, `results` stores them as
JSON, `report` prints tables, `page` writes docs/benchmarks.md, `chart` draws them, `algorithms`
prints which algorithm each case uses, `compare` measures two checkouts against each other, `call`
the overhead of a small call, `instructions` counts its instructions.
"""
