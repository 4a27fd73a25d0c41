"""What pyproject.toml cannot say: packages, NumPy's C headers, and what a failed build leaves."""

import os
from pathlib import Path

import numpy
from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

PARTS = ("derive", "codegen", "generated")
FOLDERS = find_packages(include=[*PARTS, *(f"{part}.*" for part in PARTS)])
FLAGS = ("CC", "CFLAGS", "CPPFLAGS", "LDFLAGS")


class BuildKernels(build_ext):
    """Builds the compiled kernels; where that fails, `rot180 list` prints what is written here."""

    def build_extension(self, ext: Extension) -> None:
        """Build an extension, and write down why where that fails."""
        report = self._report(ext)
        report.unlink(missing_ok=True)
        try:
            super().build_extension(ext)
        except Exception as error:  # classes of errors differ between versions of setuptools
            given = [f"{flag}={os.environ[flag]!r}" for flag in FLAGS if os.environ.get(flag)]
            with_flags = f"with {', '.join(given)}: " if given else ""
            report.parent.mkdir(parents=True, exist_ok=True)
            report.write_text(f"the build failed {with_flags}{error}\n", encoding="utf-8")
            raise

    def copy_extensions_to_source(self) -> None:
        """Copy what was built into the sources' folders, or why it was not."""
        super().copy_extensions_to_source()
        folders = self.get_finalized_command("build_py")
        for ext in self.extensions:
            report = self._report(ext)
            folder = folders.get_package_dir(ext.name.rpartition(".")[0])
            Path(folder, report.name).unlink(missing_ok=True)
            if report.exists():
                Path(folder, report.name).write_bytes(report.read_bytes())

    def _report(self, ext: Extension) -> Path:
        built = Path(self.build_lib, *ext.name.split("."))
        return built.with_name(f"{built.name}.failed.txt")


setup(
    packages=[f"rot180.{name}" for name in FOLDERS],
    include_dirs=[numpy.get_include()],
    cmdclass={"build_ext": BuildKernels},
)
