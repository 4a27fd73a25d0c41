"""The statements of compiled kernels as C: the same lines that Cython compiles, without Cython.

A kernel's lines are a small part of Python: loops over ranges, conditions, assignments, integer
arithmetic that rounds down, and calls of a few functions in C. What is not in that part is refused.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rot180.codegen.kernels.expressions import TAB
from rot180.codegen.plans.plan import LoweringError

_FUNCTIONS = {
    "_begin": "rot180_begin",
    "_range": "rot180_range",
    "_loop": "rot180_loop",
    "_entry": "kernel_entry",
    "_inside": "kernel_inside",
    "rot180_clip": "rot180_clip",
    "rot180_extent": "kernel_extent",
    "rot180_small": "kernel_small",
    "rot180_running_sum": "rot180_running_sum",
}
_MAY_FAIL = {
    "_run": "kernel_run",
    "_bound": "kernel_bound",
    "_check_signals": "kernel_check_signals",
}
"""The functions that lines call, and what they are called in C; the second kind can fail."""

_CONSTANTS = {"ENDLESS", "ROWS", "COLUMNS", "REDUCTION", "BATCH", "NULL"}

_TYPES = {
    "Py_buffer": "View",
    "Py_ssize_t": "Int",
    "bint": "int",
    "int": "int",
    "double": "double",
    "Place": "char *",
    "Nest": "Nest",
    "Entry": "Entry",
    "_Intermediate": "Intermediate",
}
"""The types of declarations, and what they are called in C."""

_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.BitOr: "|"}
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!=", ast.IsNot: "!="}
_ROUNDED = {ast.FloorDiv: "rot180_floor", ast.Mod: "kernel_modulo"}
_EXTREMES = {"min": "kernel_least", "max": "kernel_most"}

_DECLARED = re.compile(r"(\w+)(?:\[(\d+)\])? (.+)")


def c_name(word: str) -> str:
    """Return the identifier in C of a name in a kernel's lines: no macro has such a name.

    >>> c_name("EOF"), c_name("_at_EOF")
    ('v_EOF', 'k_at_EOF')
    """
    return f"k{word}" if word.startswith("_") else f"v_{word}"


def c_parameters(typed: str, real: str = "") -> str:
    """Write the parameters of a function.

    Args:
        typed: the parameters as Cython has them.
        real: the type of entries.

    """
    return ", ".join(_parameter(one, real) for one in typed.split(", ") if one) or "void"


def c_expression(text: str) -> str:
    """Write an expression."""
    return _Text().expression(_one_expression(text))


def c_function(name: str, typed: str, lines: Sequence[str], real: str = "") -> str:
    """Write a function that returns 0, or -1 where a function that it calls fails.

    Args:
        name: its name.
        typed: its parameters as Cython has them.
        lines: its statements; those of a small sum return a truth value themselves.
        real: the type of entries.

    Raises:
        LoweringError: a line is not in the part of Python that is written as C.

    """
    text = _Text(real)
    head = f"static int {c_name(name)}({c_parameters(typed, real)}) {{"
    declared = [line for one in lines if one.startswith("cdef ") for line in text.declared(one)]
    rest = "\n".join(line for line in lines if not line.startswith("cdef "))
    body = [*_comments(lines), *text.statements(_parsed(rest).body)]
    if text.fails:
        freed = [f"free({word}.view.buf);" for word in text.intermediates]
        declared.append("int k_failed = -1;")
        body += ["k_failed = 0;", "failed:", *freed, "return k_failed;"]
    elif not lines[-1].startswith("return "):
        body.append("return 0;")
    return "\n".join([head, *(TAB + line for line in (*declared, *body)), "}"])


def _parameter(typed: str, real: str) -> str:
    kind, _, word = typed.rpartition(" ")
    star = "*" if word.startswith("*") else ""
    return f"{real if kind == 'real' else _TYPES[kind]} {star}{c_name(word.lstrip('*'))}"


def _comments(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        if line.lstrip().startswith("# "):
            yield f"/* {line.strip()[2:]} */"


def _one_expression(text: str) -> ast.expr:
    (found,) = _parsed(text).body
    if not isinstance(found, ast.Expr):
        raise _unknown(found)
    return found.value


def _parsed(text: str) -> ast.Module:
    """Parse lines: casts and addresses are written as calls and as ``~``, which Python has."""
    text = re.sub(r"\(<real \*>(\w+)\)\[0\]", r"_value[\1]", text)
    text = re.sub(r"<char \*>(\w+)\.buf", r"_buffer(\1)", text)
    text = re.sub(r"<(real|double|float)>\(", r"_\1(", text)
    text = re.sub(r"<(float|double)>0", r"_\1(0)", text)
    try:
        return ast.parse(text.replace("&", "~"))
    except SyntaxError as error:
        raise LoweringError(f"found {error.text!r}, expected a line of a compiled kernel") from None


def _unknown(node: ast.AST) -> LoweringError:
    return LoweringError(f"found {ast.unparse(node)!r}, expected what is written as C")


@dataclass
class _Text:
    """Writes lines as C.

    Attributes:
        real: the type of entries.
        fails: whether a function that can fail was called.
        floating: whether integers are written as floating-point numbers.
        intermediates: the arrays that have to be freed.

    """

    real: str = ""
    fails: bool = False
    floating: bool = False
    intermediates: list[str] = field(default_factory=list)

    def declared(self, line: str) -> Iterator[str]:
        """Write the declarations of a line."""
        found = _DECLARED.fullmatch(line.removeprefix("cdef "))
        if found is None or found[1] not in _TYPES:
            raise LoweringError(f"found {line!r}, expected a declaration")
        kind, count, words = _TYPES[found[1]], f"[{found[2]}]" if found[2] else "", found[3]
        word, equals, value = words.partition(" = ")
        if equals:
            yield f"{kind} {c_name(word)} = {c_expression(value)};"
            return
        for word in words.split(", "):
            star = "*" if word.startswith("*") else ""
            yield f"{kind} {star}{c_name(word.lstrip('*'))}{count};"
            if kind == "Intermediate":
                self.intermediates.append(c_name(word))
                yield f"{c_name(word)}.view.buf = NULL;"

    def statements(self, body: Sequence[ast.stmt]) -> list[str]:
        """Write statements, one a line, those within others indented."""
        return [line for statement in body for line in self.statement(statement)]

    def statement(self, now: ast.stmt) -> list[str]:
        """Write a statement."""
        if isinstance(now, ast.Expr) and isinstance(now.value, ast.Call):
            return [self.called(now.value)]
        if isinstance(now, ast.Assign) and len(now.targets) == 1:
            return self.assigned(now.targets[0], now.value)
        if isinstance(now, ast.AugAssign) and isinstance(now.op, ast.Add):
            return [f"{self.expression(now.target)} += {self.expression(now.value)};"]
        if isinstance(now, ast.If):
            other = ["} else {", *self.inside(now.orelse)] if now.orelse else []
            test = f"if ({self.expression(now.test)}) {{"
            return [test, *self.inside(now.body), *other, "}"]
        if isinstance(now, ast.For) and not now.orelse:
            return [self.loop(now), *self.inside(now.body), "}"]
        if isinstance(now, ast.Return) and now.value is not None:
            return [f"return {self.expression(now.value)};"]
        if isinstance(now, ast.Continue):
            return ["continue;"]
        raise _unknown(now)

    def inside(self, body: Sequence[ast.stmt]) -> list[str]:
        """Write the statements within another."""
        return [TAB + line for line in self.statements(body)]

    def loop(self, now: ast.For) -> str:
        """Write the head of a loop, whose range is computed once."""
        if not isinstance(now.iter, ast.Call) or ast.unparse(now.iter.func) != "range":
            raise _unknown(now.iter)
        ends = [self.expression(e) for e in now.iter.args]
        first, stop = ends if len(ends) == 2 else ("0", *ends)
        v = self.expression(now.target)
        return f"for (Int k_stop = {stop}, {v} = {first}; {v} < k_stop; {v}++) {{"

    def called(self, call: ast.Call) -> str:
        """Write a call as a statement."""
        word = ast.unparse(call.func)
        if word not in _MAY_FAIL:
            return f"{self.expression(call)};"
        self.fails = True
        return f"if ({_MAY_FAIL[word]}({self.arguments(call.args)})) goto failed;"

    def assigned(self, target: ast.expr, value: ast.expr) -> list[str]:
        """Write an assignment."""
        word = ast.unparse(value.func) if isinstance(value, ast.Call) else ""
        if isinstance(value, ast.Call) and word == "_Intermediate":
            name, size, shape = value.args
            if not isinstance(shape, ast.Tuple):
                raise _unknown(shape)
            sizes = f"(const Int[]){{{self.arguments(shape.elts) or '0'}}}"
            given = f"{self.arguments([name, size])}, {len(shape.elts)}, {sizes}"
            self.fails = True
            return [f"if (kernel_allocate(&{self.expression(target)}, {given})) goto failed;"]
        if isinstance(value, ast.Call) and word == "divmod" and isinstance(target, ast.Tuple):
            given = self.arguments(value.args)
            both = zip(target.elts, ("rot180_floor", "kernel_modulo"), strict=True)
            return [f"{self.expression(one)} = {function}({given});" for one, function in both]
        self.floating = ast.unparse(target).startswith("_products[")
        lines = [f"{self.expression(target)} = {self.expression(value)};"]
        self.floating = False
        return lines

    def arguments(self, given: Sequence[ast.expr]) -> str:
        """Write the arguments of a call."""
        return ", ".join(map(self.expression, given))

    def expression(self, e: ast.expr) -> str:
        """Write an expression."""
        if isinstance(e, ast.Constant):
            if isinstance(e.value, str):
                return f'"{e.value}"'
            return repr(int(e.value) if isinstance(e.value, bool) else e.value)
        if isinstance(e, ast.Name):
            word = e.id if e.id in _CONSTANTS else c_name(e.id)
            return f"(double){word}" if self.floating and not e.id.startswith("_") else word
        if isinstance(e, ast.Attribute):
            arrow = isinstance(e.value, ast.Name) and e.value.id.startswith("_at_")
            return f"{self.expression(e.value)}{'->' if arrow else '.'}{e.attr}"
        if isinstance(e, ast.Subscript):
            if ast.unparse(e.value) == "_value":
                return f"(*({self.real} *){self.expression(e.slice)})"
            return f"{self.expression(e.value)}[{self.expression(e.slice)}]"
        if isinstance(e, ast.Call):
            return self.call(e)
        return self.operation(e)

    def operation(self, e: ast.expr) -> str:
        """Write an operation, in brackets."""
        write = self.expression
        if isinstance(e, ast.UnaryOp):
            signs = {ast.USub: "-", ast.Not: "!", ast.Invert: "&"}
            if type(e.op) in signs:
                return f"({signs[type(e.op)]}{write(e.operand)})"
        elif isinstance(e, ast.BinOp):
            kind = type(e.op)
            if kind in _ARITHMETIC:
                return f"({write(e.left)} {_ARITHMETIC[kind]} {write(e.right)})"
            if kind in _ROUNDED:
                return f"{_ROUNDED[kind]}({write(e.left)}, {write(e.right)})"
            if kind is ast.Pow and isinstance(e.right, ast.Constant) and type(e.right.value) is int:
                return f"({' * '.join([write(e.left)] * e.right.value)})"
        elif isinstance(e, ast.BoolOp):
            joint = " && " if isinstance(e.op, ast.And) else " || "
            return f"({joint.join(map(write, e.values))})"
        elif isinstance(e, ast.Compare) and all(type(op) in _COMPARISONS for op in e.ops):
            sides = [*map(write, (e.left, *e.comparators))]
            signs_ = [_COMPARISONS[type(op)] for op in e.ops]
            pairs = zip(sides, signs_, sides[1:], strict=False)
            return f"({' && '.join(f'{a} {sign} {b}' for a, sign, b in pairs)})"
        elif isinstance(e, ast.IfExp):
            return f"({write(e.test)} ? {write(e.body)} : {write(e.orelse)})"
        raise _unknown(e)

    def call(self, e: ast.Call) -> str:
        """Write a call that cannot fail."""
        word = ast.unparse(e.func)
        if word in _EXTREMES:
            first, *others = map(self.expression, e.args)
            for other in others:
                first = f"{_EXTREMES[word]}({first}, {other})"
            return first
        if word in ("_real", "_double", "_float"):
            return f"({self.real if word == '_real' else word[1:]})({self.arguments(e.args)})"
        if word == "_buffer":
            return f"{self.arguments(e.args)}->buf"
        if word.startswith("_small_") and isinstance(e.args[0], ast.Call):
            real = ast.unparse(e.args[0].func)
            return f"{c_name(word + real)}({self.arguments(e.args)})"
        if word.startswith("_whole_"):
            return f"{c_name(word)}({self.arguments(e.args)})"
        if word in _FUNCTIONS:
            return f"{_FUNCTIONS[word]}({self.arguments(e.args)})"
        raise _unknown(e)
