"""The parts depend in one direction; one module touches the disk, one starts programs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("derive", "codegen", "generated")
MODULES = sorted(p for part in PARTS for p in (ROOT / part).rglob("*.py"))
TEMPLATES = sorted((ROOT / "codegen" / "templates").glob("*.jinja"))

MAY_USE = {
    "derive": {"derive"},
    "codegen": {"derive", "codegen", "generated"},
    "generated": {"generated"},
}
THIRD_PARTY = {
    "derive": {"sympy", "numpy", "z3", "latex2mathml"},
    "codegen": {"sympy", "numpy", "jinja2"},
    "generated": {"numpy"},
}
OPENERS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink"}
STARTERS = {"subprocess", "multiprocessing"}


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            if node.module == "rot180":
                yield from (f"rot180.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_follow_the_direction(path: Path) -> None:
    for name in imports(path):
        top, *rest = name.split(".")
        if top == "rot180":
            assert rest[0] in MAY_USE[part(path)], f"{path} imports {name}"
        elif top not in sys.stdlib_module_names:
            assert top in THIRD_PARTY[part(path)], f"{path} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_files_py_opens_files_and_only_tools_py_starts_programs(path: Path) -> None:
    starts = {name.split(".")[0] for name in imports(path)} & STARTERS
    assert not starts or path == ROOT / "codegen" / "tools.py", f"{path} imports {starts}"
    if path == ROOT / "codegen" / "files.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            assert name not in OPENERS, f"{path}:{node.lineno} calls {name}"


def test_kernels_import_numpy_alone() -> None:
    program = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from rot180.generated import conv2d\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'sympy', 'jinja2', 'mpmath'}))\n"
        "print(sorted(m for m in sys.modules if m.startswith(('rot180.derive', 'rot180.codegen'))))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]


def test_no_simplify_in_rules_and_replay() -> None:
    for name in (
        "kernel/rules.py", "kernel/proof.py", "kernel/obligations.py",
        "language/polynomial.py", "language/terms.py",
    ):
        for node in ast.walk(ast.parse((ROOT / "derive" / name).read_text())):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                assert called not in {"simplify", "doit", "nsimplify"}, f"{name}:{node.lineno}"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_templates_only_lay_out(path: Path) -> None:
    """`for`, `if plan.flag` and names: no call, no filter, no private name, no comparison."""
    text = path.read_text()
    code = r"\{%-?\+?(.*?)-?%\}|\{\{(.*?)\}\}|\\BLOCK\{(.*?)\}|\\VAR\{(.*?)\}"
    for found in re.findall(code, text, re.S):
        inside = "".join(found).strip()
        assert "isinstance" not in inside
        assert "__" not in inside
        words = inside.split()
        if words and words[0] in ("for", "if", "elif", "include", "macro", "call"):
            inside = " ".join(words[1:])
        if words[:1] != ["macro"]:
            assert not re.search(r"[()|=<>+*]", inside), f"{path.name}: {inside}"


@pytest.mark.parametrize("name", ["conv", "weight", "bias", "dense", "pool"])
def test_lowering_names_no_operation(name: str) -> None:
    for file in ("lower.py", "passes.py", "plan.py", "interpret.py", "printers.py"):
        text = (ROOT / "codegen" / file).read_text()
        assert not re.search(rf"\b{name}\w*\b", text), f"{file} mentions {name}"
    for path in TEMPLATES:
        if path.name.startswith("module"):
            assert not re.search(rf"\b{name}\w*\b", path.read_text()), f"{path.name}: {name}"


def folders() -> dict[str, set[str]]:
    """Return which folders of ``derive`` each folder imports."""
    out: dict[str, set[str]] = {}
    for path in (ROOT / "derive").glob("*/*.py"):
        found = (name.split(".") for name in imports(path) if name.startswith("rot180.derive."))
        inside = {rest[0] for _, _, *rest in found if (ROOT / "derive" / rest[0]).is_dir()}
        out.setdefault(path.parent.name, set()).update(inside - {path.parent.name})
    return out


def test_the_folders_of_derive_form_no_circle() -> None:
    left = folders()
    while ready := [name for name, uses in left.items() if not uses & left.keys()]:
        for name in ready:
            del left[name]
    assert not left, f"a circle of imports among {', '.join(left)}"


def test_what_displays_is_entered_from_outside() -> None:
    """The kernel, the language, the search and the theorems print nothing."""
    uses = folders()
    assert {name for name, found in uses.items() if "display" in found} == {"semantics"}
