"""Runs notebooks without Jupyter: code cell after code cell, and stores what each leaves.

    python -m tests.support.notebooks examples/derive_a_layer.ipynb

writes the outputs into the notebook, in the bytes in which Jupyter saves it.
"""

from __future__ import annotations

import ast
import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

VIEWS = {"text/html": "_repr_html_", "text/latex": "_repr_latex_"}
"""What a notebook shows of a value besides its `repr`: the method that writes it."""


def executed(text: str) -> str:
    """Return a notebook with the outputs of its code cells, run in order in one scope."""
    notebook, scope, number = json.loads(text), {"__name__": "__main__"}, 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            outputs = _outputs("".join(cell["source"]), scope, number)
            cell |= {"execution_count": number, "outputs": outputs}
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _outputs(source: str, scope: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """Run a cell; return what it printed, and its last line if that has a value."""
    *body, last = ast.parse(source).body
    body += [] if isinstance(last, ast.Expr) else [last]
    value, printed = None, io.StringIO()
    with redirect_stdout(printed):
        exec(compile(ast.Module(body, []), "<cell>", "exec", dont_inherit=True), scope)
        if isinstance(last, ast.Expr):
            shown = compile(ast.Expression(last.value), "<cell>", "eval", dont_inherit=True)
            value = eval(shown, scope)
    out: list[dict[str, Any]] = []
    if lines := _lines(printed.getvalue()):
        out.append({"name": "stdout", "output_type": "stream", "text": lines})
    if value is not None:
        data = {"text/plain": _lines(repr(value))}
        for kind, view in VIEWS.items():
            if hasattr(value, view):
                data[kind] = _lines(getattr(value, view)())
        result = {"execution_count": number, "metadata": {}, "output_type": "execute_result"}
        out.append(result | {"data": data})
    return out


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(executed(path.read_text(encoding="utf-8")), encoding="utf-8")
