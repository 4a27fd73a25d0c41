"""Where NumPy's C headers are; everything else is in pyproject.toml."""

import numpy
from setuptools import setup

setup(include_dirs=[numpy.get_include()])
