"""Each side condition of the kernel is needed: the effect on a proof when it is suspended.

`CASES` has one proof for every condition in the source of the rules and of replay (a test reads
that source). Replay refuses the proof; with that one condition suspended it accepts what is false
or has no value, or the case says why not.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rot180.derive.kernel import citing, finiteness, place, replay, rules, tables
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.obligations import Obligation, show_goal
from rot180.derive.kernel.place import RULES, Place
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language import substitute
from tests.support.proofs import false, refused
from tests.support.side_conditions import (
    CASES,
    CAUGHT,
    FALSE,
    NO_VALUE,
    Case,
)

MODULES: tuple[ModuleType, ...] = (place, rules, tables, citing, finiteness, replay)
"""Where conditions stand. In `substitute`, which is no part of the kernel, only those of
`_tensor` do."""

Functions = dict[str, tuple[ModuleType, ast.FunctionDef]]


def source() -> Functions:
    """Return the functions and methods that contain conditions, by name."""
    found: Functions = {}
    for module in (*MODULES, substitute):
        for node in ast.parse(inspect.getsource(module)).body:
            for part in node.body if isinstance(node, ast.ClassDef) else (node,):
                if isinstance(part, ast.FunctionDef):
                    if module is substitute and part.name != "_tensor":
                        continue
                    assert part.name not in found, f"two functions are called {part.name}"
                    found[part.name] = (module, part)
    return found


SOURCE = source()


# Extracting conditions from the source.


def called(node: ast.AST, name: str) -> bool:
    """Say whether a node is a call of a function of that name."""
    if isinstance(node, ast.Expr):
        node = node.value
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def required(function: ast.FunctionDef) -> list[str]:
    """Return the names of the conditions that a function requires."""
    calls = [n for n in ast.walk(function) if isinstance(n, ast.Call) and called(n, "require")]
    return [str(ast.literal_eval(n.args[0])) for n in calls]


def asked(node: ast.AST) -> str:
    """Return the type of factor that a call of `expect` requires, "" for any other node."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return ast.unparse(node.args[0]) if node.func.attr == "expect" else ""
    return ""


def names(function: ast.FunctionDef) -> list[str]:
    """Return the conditions that have a name: those that are required, and types of factors."""
    return [*required(function), *filter(None, map(asked, ast.walk(function)))]


def raised(function: ast.FunctionDef) -> list[ast.Raise]:
    """Return the `raise` statements of a function, but not those that pass an error on."""
    handlers = [n for n in ast.walk(function) if isinstance(n, ast.ExceptHandler)]
    passed = {m for h in handlers for m in ast.walk(h)}
    return [n for n in ast.walk(function) if isinstance(n, ast.Raise) and n not in passed]


class _Without(ast.NodeTransformer):
    """Takes a condition out of a function."""

    def __init__(self, condition: str, named: bool) -> None:
        self.condition, self.named, self.count = condition, named, 0

    def _gone(self) -> ast.Pass:
        self.count += 1
        return ast.Pass()

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        one = isinstance(node.value, ast.Call) and called(node, "require") and node.value
        if one and ast.literal_eval(one.args[0]) == self.condition:
            return self._gone()
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return self._gone() if not self.named and self.condition in ast.unparse(node) else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if asked(node) == self.condition and isinstance(node.func, ast.Attribute):
            self.count += 1
            any_factor = ast.Attribute(node.func.value, "factor", ast.Load())
            return ast.Call(any_factor, node.args[1:], [])
        return self.generic_visit(node)


def without(case: Case) -> Callable[..., object]:
    """Return the function of a case without the condition."""
    module, function = SOURCE[case.where]
    (copy,) = ast.parse(ast.unparse(function)).body
    assert isinstance(copy, ast.FunctionDef)
    remove = _Without(case.condition, case.condition in names(function))
    copy = remove.visit(copy)
    assert remove.count == 1, f"{case.where}: {case.condition} stands {remove.count} times"
    copy.decorator_list = []
    tree = ast.fix_missing_locations(ast.Module([copy], []))
    made: dict[str, Callable[..., object]] = {}
    exec(compile(tree, f"{module.__name__} without a condition", "exec"), vars(module), made)
    return made[function.name]


def suspend(patch: pytest.MonkeyPatch, case: Case) -> None:
    """Suspend the condition of a case, and no other."""
    goal = case.condition.removeprefix("obligation: ")
    if goal == case.condition:
        new = without(case)
    else:
        old = RULES.get(case.where) or getattr(SOURCE[case.where][0], case.where)
        new = silent(old, goal, case.where in RULES)
    install(patch, case.where, new)


def silent(old: Callable[..., object], goal: str, rule: bool) -> Callable[..., object]:
    """Return a function that omits obligations with a goal from the result of another."""

    def kept(needed: tuple[Obligation, ...]) -> tuple[Obligation, ...]:
        return tuple(o for o in needed if show_goal(o.goal) != goal)

    def new(*given: object, **named: object) -> object:
        made: Any = old(*given, **named)
        return (made[0], kept(made[1])) if rule else kept(made)

    return new


def install(patch: pytest.MonkeyPatch, name: str, new: Callable[..., object]) -> None:
    """Replace a function of the kernel wherever it is looked up."""
    if name in RULES:
        patch.setitem(RULES, name, new)
    elif name in vars(Place):
        old = vars(Place)[name]
        patch.setattr(Place, name, property(new) if isinstance(old, property) else new)
    else:
        old = getattr(SOURCE[name][0], name)
        for module in (*MODULES, substitute):
            if vars(module).get(name) is old:
                patch.setattr(module, name, new)


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> Iterator[None]:
    """Clear the cache of replayed proofs, which depend on the suspended condition."""
    replay.replay_cited.cache_clear()
    yield
    replay.replay_cited.cache_clear()


def label(case: Case) -> str:
    """Name a case."""
    return f"{case.where}-{case.condition}-{case.outcome}"


@pytest.mark.parametrize("case", CASES, ids=label)
def test_the_condition_is_needed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay refuses the proof, and only because of this condition."""
    message = refused(case.proof)
    _, function = SOURCE[case.where]
    if case.condition.startswith("obligation"):
        goal = case.condition.removeprefix("obligation: ")
        assert re.search(rf"(has no certificate that|is finite only if) {re.escape(goal)}", message)
    elif case.condition in names(function):
        assert f"[side condition: {case.condition}]" in message
    else:
        assert case.condition in message
    where = f"claim, step {len(case.steps)} ({case.steps[-1].rule}" if case.steps else "claim: "
    assert message.startswith((where, "claim: "))
    with monkeypatch.context() as patch:
        suspend(patch, case)
        replay.replay_cited.cache_clear()
        try:
            theorem = replay.replay(case.proof())
        except Exception as error:
            assert case.outcome == CAUGHT, message
            assert re.search(case.why, f"{type(error).__name__}: {error}"), error
            return
    assert case.outcome != CAUGHT
    assert refuted(theorem, case) == (case.outcome in (FALSE, NO_VALUE)), case.why
    replay.replay_cited.cache_clear()
    with pytest.raises(ProofError):
        replay.replay(theorem.proof)


def refuted(theorem: Theorem, case: Case) -> bool:
    """Say whether evaluation refutes a statement, or finds that a side of it has no value."""
    if case.outcome != NO_VALUE:
        return false(theorem.lhs, theorem.rhs, case.variables, case.hypotheses)
    why = r"bounds the sum|has no value|argument 2 is shorter"
    with pytest.raises(ValueError, match=why):
        false(theorem.lhs, theorem.rhs, case.variables, case.hypotheses)
    return True


# The table is complete.


@pytest.mark.parametrize("name", sorted(SOURCE.keys() - {"rule", "register"}))
def test_the_table_is_complete(name: str) -> None:
    """The table has every condition of the function exactly once."""
    _, function = SOURCE[name]
    have = [case.condition for case in CASES if case.where == name]
    named = names(function)
    assert len(named) == len(set(named))
    assert set(named) <= set(have)
    for one in raised(function):
        said = ast.unparse(one)
        assert any(condition in said for condition in have), said
    made = sum(called(n, "Obligation") for n in ast.walk(function) if isinstance(n, ast.Call))
    assert made <= len([c for c in have if c.startswith("obligation")])


def test_every_rule_is_in_the_table() -> None:
    """Every rule has a condition."""
    assert {case.where for case in CASES} >= RULES.keys()
    assert {case.where for case in CASES} <= SOURCE.keys()


def test_conditions_stand_nowhere_else() -> None:
    """The other modules of the kernel have no side conditions of steps."""
    folder = inspect.getfile(place).removesuffix("place.py")
    for module in MODULES:
        assert inspect.getfile(module).startswith(folder)
    names = {inspect.getfile(m).rpartition("/")[2] for m in MODULES}
    others = {"__init__.py", "arguments.py", "errors.py", "obligations.py", "proof.py"}
    assert {p.name for p in Path(folder).glob("*.py")} == names | others
