"""Runtime modules as text in generated modules, which import nothing else of rot180."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from rot180.codegen.system.files import resource


def inlined(name: str, constants: bool = True) -> str:
    """Return the text of a runtime module without its docstring and its imports.

    Args:
        name: the module, below ``runtime/``: "numpy/contraction".
        constants: whether the constants before the first function are kept; a module that sets
            them itself leaves them out.

    Raises:
        OSError: there is no such module.

    """
    text = _text(name)
    kept = [node for node in ast.parse(text).body if not _is_preamble(node)]
    if not constants:
        kept = kept[next(i for i, n in enumerate(kept) if isinstance(n, _DEFINITIONS)) :]
    return "\n".join(text.splitlines()[_first_line(kept[0]) - 1 :])


def copied(name: str, header: Sequence[str], modules: Mapping[str, str]) -> str:
    """Return the text of a runtime module as a module of ``rot180.generated``.

    Args:
        name: the module, below ``runtime/``: "numpy/arguments".
        header: what the comment at the top says.
        modules: the runtime modules that it may import, and what they are called there.

    Raises:
        OSError: there is no such module.

    """
    text = _text(name)
    for module, called in modules.items():
        text = text.replace(f"{RUNTIME}.{module} import", f"rot180.generated.{called} import")
    return "".join(f"# {line}\n" for line in header) + text


RUNTIME = "rot180.codegen.kernels.runtime.numpy"
"""The package of the runtime modules in Python."""


def inlined_functions(name: str, caller: str) -> str:
    """Return the functions of a runtime module that a text calls, and those that they call.

    Args:
        name: the module, below ``runtime/``: "numpy/training".
        caller: the text of a module.

    Raises:
        OSError: there is no such module.

    """
    text = _text(name)
    functions = {n.name: n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}
    found: set[str] = set()
    waiting = [_names(ast.parse(caller))]
    while waiting:
        new = (waiting.pop() & functions.keys()) - found
        found |= new
        waiting += [_names(functions[function]) for function in new]
    lines = text.splitlines()
    return "\n\n\n".join(
        "\n".join(lines[_first_line(node) - 1 : node.end_lineno])
        for function, node in functions.items()
        if function in found
    )


_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def _text(name: str) -> str:
    return resource("kernels", f"runtime/{name}.py")


def _is_preamble(node: ast.stmt) -> bool:
    """Say whether a statement is the docstring or an import."""
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or isinstance(node, ast.Import | ast.ImportFrom)


def _first_line(node: ast.stmt) -> int:
    """Return the line where a statement begins, decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _names(node: ast.AST) -> set[str]:
    return {found.id for found in ast.walk(node) if isinstance(found, ast.Name)}
