"""Runtime modules as text that stands in a generated module, which then imports nothing of ours."""

from __future__ import annotations

import ast

from rot180.codegen.system.files import resource


def inlined(name: str, constants: bool = True) -> str:
    """Return the text of a runtime module without its docstring and its imports.

    Args:
        name: the module, below ``runtime/``: "numpy/contraction".
        constants: whether what stands before the first function is kept; a module that sets
            these constants itself leaves them out.

    Raises:
        OSError: there is no such module.

    """
    text = resource("kernels", f"runtime/{name}.py")
    kept = [node for node in ast.parse(text).body if not _is_preamble(node)]
    if not constants:
        kept = kept[next(i for i, n in enumerate(kept) if isinstance(n, _DEFINITIONS)) :]
    first = min([kept[0].lineno, *(d.lineno for d in getattr(kept[0], "decorator_list", ()))])
    return "\n".join(text.splitlines()[first - 1 :])


_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def _is_preamble(node: ast.stmt) -> bool:
    """Say whether a statement is the docstring or an import."""
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or isinstance(node, ast.Import | ast.ImportFrom)
