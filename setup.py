"""What pyproject.toml cannot say: the list of packages, and where NumPy's C headers are."""

import numpy
from setuptools import find_packages, setup

PARTS = ("derive", "codegen", "generated")
FOLDERS = find_packages(include=[*PARTS, *(f"{part}.*" for part in PARTS)])

setup(packages=[f"rot180.{name}" for name in FOLDERS], include_dirs=[numpy.get_include()])
