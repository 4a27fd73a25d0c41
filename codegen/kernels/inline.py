"""Runtime modules as text in generated modules, which import nothing else of rot180."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from functools import cache

from rot180.codegen.system.files import resource


@cache
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


def inlined_functions(name: str, names: Collection[str]) -> str:
    """Return the functions of a runtime module that are called, and those that they call.

    Args:
        name: the module, below ``runtime/``: "numpy/training".
        names: the names in the text that calls them, which `names_in` finds.

    Raises:
        OSError: there is no such module.

    """
    functions = _functions(name)
    found: set[str] = set()
    waiting = [{*names}]
    while waiting:
        new = (waiting.pop() & functions.keys()) - found
        found |= new
        waiting += [{*functions[function][1]} for function in new]
    return "\n\n\n".join(text for word, (text, _) in functions.items() if word in found)


@cache
def _functions(name: str) -> Mapping[str, tuple[str, frozenset[str]]]:
    """Return the text of each function of a runtime module, and the names in it."""
    text = _text(name)
    lines = text.splitlines()
    return {
        node.name: ("\n".join(lines[_first_line(node) - 1 : node.end_lineno]), _names(node))
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }


def names_in(text: str) -> frozenset[str]:
    """Return the names in the text of a module in Python."""
    return _names(ast.parse(text))


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


def _names(node: ast.AST) -> frozenset[str]:
    return frozenset(found.id for found in ast.walk(node) if isinstance(found, ast.Name))
