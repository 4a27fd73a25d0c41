"""Run tests on the compiled module under AddressSanitizer and UBSan.

    python tests/support/sanitize_module.py [TESTS...]

The module `rot180.generated.cython_kernels` is built again with both sanitizers, without
optimisation, and tests of wrong and hostile arguments run on it. Needs gcc, Cython and pytest.
Exit code 1: a sanitizer found a fault, or a test failed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.sanitize import OPTIONS, runtime  # noqa: E402

KERNELS = "tests/codegen/kernels"
TESTS = tuple(f"{KERNELS}/test_{name}.py" for name in ("bad_input", "arguments", "kernels"))
MODULE = "cython_kernels"


def build(folder: Path) -> Path:
    """Compile the module into a folder that has `generated/`; return the path of the library.

    Raises:
        CalledProcessError: Cython or gcc refused it.

    """
    made = folder / "generated"
    source = made / f"{MODULE}.c"
    cython = [sys.executable, "-m", "cython", "-3", str(source.with_suffix(".pyx"))]
    subprocess.run([*cython, "-o", str(source)], check=True)
    library = made / f"{MODULE}{sysconfig.get_config_var('EXT_SUFFIX')}"
    options = [*(o for o in OPTIONS if o not in ("-O1", "-g")), "-O0", "-g1", "-w"]
    include = [f"-I{np.get_include()}", f"-I{sysconfig.get_path('include')}", f"-I{made}"]
    command = ["gcc", *options, *include, "-shared", "-fPIC", str(source), "-lm"]
    subprocess.run([*command, "-o", str(library)], check=True)
    return library


def main(arguments: Sequence[str]) -> int:
    """Build the module, run the tests on it, and return the exit code."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "rot180"
        folder.mkdir()
        for part in ("derive", "codegen"):
            (folder / part).symlink_to(ROOT / part)
        shutil.copytree(ROOT / "generated", folder / "generated", ignore=_compiled)
        library = build(folder)
        if b"__asan_report_store8" not in library.read_bytes():
            print(f"{library.name} is not sanitized", file=sys.stderr)
            return 1
        environment = {
            **os.environ,
            "PYTHONPATH": temporary,
            "PYTHONMALLOC": "malloc",
            "LD_PRELOAD": f"{runtime('libasan.so')} {runtime('libubsan.so')}",
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        where = f"import rot180.generated.{MODULE} as m; print(m.__file__)"
        load = [sys.executable, "-c", where]
        loaded = subprocess.check_output(load, env=environment, text=True).strip()
        if Path(loaded).resolve() != library.resolve():
            print(f"found {loaded}, expected {library}", file=sys.stderr)
            return 1
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        command += ["-k", "not numpy_kernels", *(arguments or TESTS)]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _compiled(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name.endswith((".so", ".c")) or name == "__pycache__"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
