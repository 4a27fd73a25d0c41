"""What pyproject.toml cannot say: packages, NumPy's C headers, and what a failed build leaves."""

import os
from pathlib import Path

import numpy
from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

PARTS = ("derive", "codegen", "generated")
FOLDERS = find_packages(include=[*PARTS, *(f"{part}.*" for part in PARTS)])
FLAGS = ("CC", "CFLAGS", "CPPFLAGS", "LDFLAGS")


class BuildKernels(build_ext):
    """Builds the compiled kernels; where that fails, `rot180 list` prints what is written here."""

    def build_extension(self, ext: Extension) -> None:
        """Build an extension, and write down why where that fails."""
        built = Path(self.get_ext_fullpath(ext.name))
        report = built.with_name(f"{ext.name.rpartition('.')[2]}.failed.txt")
        report.unlink(missing_ok=True)
        try:
            super().build_extension(ext)
        except (BaseError, CCompilerError) as error:
            given = [f"{flag}={os.environ[flag]!r}" for flag in FLAGS if os.environ.get(flag)]
            with_flags = f"with {', '.join(given)}: " if given else ""
            report.parent.mkdir(parents=True, exist_ok=True)
            report.write_text(f"the build failed {with_flags}{error}\n", encoding="utf-8")
            raise


setup(
    packages=[f"rot180.{name}" for name in FOLDERS],
    include_dirs=[numpy.get_include()],
    cmdclass={"build_ext": BuildKernels},
)
