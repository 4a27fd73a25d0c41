"""Adapters import a framework only when they are called, and say how a missing one is installed."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rot180.codegen import adapters
from rot180.codegen.adapters.frameworks import MissingFrameworkError, framework

ROOT = Path(__file__).parents[3]
FRAMEWORKS = ("torch", "jax")


def test_importing_the_adapters_imports_no_framework() -> None:
    program = (
        "import sys; import rot180.codegen.adapters as adapters\n"
        "print([m for m in ('torch', 'jax', 'sympy', 'numpy') if m in sys.modules])"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_missing_framework_is_named_with_its_extra(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # an import fails, as if there were none
    adapter = getattr(adapters, f"as_{name}")
    with pytest.raises(MissingFrameworkError, match=rf"pip install 'rot180\[{name}\]'") as said:
        adapter("linear", "numpy")
    assert isinstance(said.value, ImportError) and said.value.name == name
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert name in extras["optional-dependencies"]


def test_what_a_framework_lacks_itself_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_framework.py").write_text("import no_such_module_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        framework("broken_framework")
