"""Random pieces of certificates as JSON data, generated from the grammar.

Most pieces are well-formed: names are chosen among those in scope, and every sum is bounded by a
factor. `junk` returns values that the grammar does not allow, at least not at that position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

Data = dict[str, Any]

SUMS = ("i", "j", "k", "i1", "p1", "u", "p2", "q")
VARIABLES = ("h", "p", "q", "h1", "i")
SIZES = ("N", "K", "2", "3", "N", "K", "1", "0", "-1", "N - 1", "s")
FUNCTIONS = (
    *("sigma", "exp", "tanh", "sigmoid", "relu", "silu", "log", "half_square", "identity"),
    "equal",  # a bracket's word
)
JUNK: tuple[Any, ...] = (
    True,
    False,
    None,
    1.5,
    -1,
    10**30,
    -(10**30),
    "",
    "7",
    "i",
    [],
    {},
    [[]],
    [None],
    [0, 0],
    {"symbol": "2"},
    {"symbol": "s - 1"},
    {"symbol": ""},
    {"symbol": "N"},
    {"polynomial": "N"},
    {"polynomial": "1/2*s"},
    {"polynomial": "s^1001"},
    {"polynomial": "2^3"},
    {"polynomial": "(s)"},
    {"polynomial": "s s"},
    {"polynomial": 3},
    {"tensor": "none"},
    {"tensor": "x"},
    {"proof": {}},
    {"equal": "0"},
    {"at_least": "0"},
    {"range": ["0"]},
    {"unknown": 1},
    "\u00e9",
    "\u0663",
    "1\u00a0",
    "0.5",
    "_i0",
    "a" * 400,
    "9" * 60,
    "9" * 101,
    "0" * 101 + "1",
    "007*s^02",
    "s^17",
    "s^9*s^9",
)


def junk(rng: Random) -> Any:
    """Return a value that seldom belongs anywhere."""
    return rng.choice(JUNK)


def term(*factors: Data, over: Sequence[str] = (), coefficient: str = "1") -> Data:
    """Return a term."""
    return {"coefficient": coefficient, "sum": list(over), "factors": list(factors)}


def access(name: str, *index: str) -> Data:
    """Return an access."""
    return {"access": [name, list(index)]}


def equal(e: str) -> Data:
    """Return an equation."""
    return {"equal": e}


def within(e: str, size: str) -> Data:
    """Return a range."""
    return {"range": [e, size]}


def derivative(factors: Sequence[Data], name: str, *index: str) -> Data:
    """Return a pending derivative."""
    return {"derivative": [list(factors), [name, list(index)]]}


def defined(name: str, shape: list[str | None], formals: list[str], *body: Data) -> Data:
    """Return a defined tensor."""
    return {"name": name, "shape": shape, "formals": formals, "body": list(body)}


def certificate(
    start: list[Data],
    steps: Sequence[Data] = (),
    variables: Sequence[list[str | None]] = (),
    hypotheses: Sequence[Data] = (),
    tensors: Sequence[Data] = (),
    name: str = "forged",
) -> Data:
    """Return a certificate."""
    return {
        "format": 1,
        "name": name,
        "variables": list(variables),
        "hypotheses": list(hypotheses),
        "tensors": list(tensors),
        "start": start,
        "steps": list(steps),
    }


def texts(data: Any) -> set[str]:
    """Return the texts in JSON data, but for cited proofs."""
    if isinstance(data, str):
        return {data}
    if isinstance(data, dict):
        return set[str]().union(*(texts(v) for k, v in data.items() if k != "proof"))
    return set[str]().union(*map(texts, data)) if isinstance(data, list) else set()


def without_unused(data: Data) -> Data:
    """Remove unused tensors, here and in cited proofs: they make a certificate malformed."""
    if isinstance(data.get("tensors"), list):
        named = texts([data.get("start"), data.get("steps")])
        kept: list[Any] = []
        for t in reversed(data["tensors"]):
            if not isinstance(t, dict) or str(t.get("name")) in named:
                kept.insert(0, t)
                named |= texts(t)
        data["tensors"] = kept
    for step in data["steps"] if isinstance(data.get("steps"), list) else ():
        cited = step.get("arguments") if isinstance(step, dict) else None
        cited = cited.get("theorem") if isinstance(cited, dict) else None
        if isinstance(cited, dict) and isinstance(cited.get("proof"), dict):
            without_unused(cited["proof"])
    return data


def affine(rng: Random, names: Sequence[str], *, plain: bool = False) -> str:
    """Return a polynomial that is affine in some names; plain ones have no parameter."""
    text = ""
    for name in rng.sample(list(names), min(len(names), rng.choice((0, 1, 1, 1, 2)))):
        times = rng.choice(("", "", "", "", "2*", "" if plain else "s*"))
        text += f" {rng.choice('+++-')} {times}{name}"
    if not text or rng.random() < 0.4:
        constant = rng.choice(("0", "1", "2", "1", "3", "1" if plain else "N", "0"))
        text += f" {rng.choice('+-')} {constant}"
    return text.strip().removeprefix("+ ").replace("- ", "-", 1) if text[1] == "-" else text[3:]


@dataclass
class Scope:
    """The names that a piece may use.

    Attributes:
        names: the free variables and sums in scope.
        tensors: the tensors of the certificate.

    """

    rng: Random
    names: list[str] = field(default_factory=list)
    tensors: list[Data] = field(default_factory=list)

    def entry(self, name: str = "", *first: str) -> Data:
        """Return an access to a tensor of that name, or of any; the first indices are given."""
        found = [t for t in self.tensors if t["name"] == name] or self.tensors
        t = self.rng.choice(found)
        index = [*first, *(affine(self.rng, self.names) for _ in t["shape"])]
        return access(t["name"], *index[: len(t["shape"])])

    def bracket(self) -> Data:
        """Return a bracket."""
        e = affine(self.rng, self.names)
        return equal(e) if self.rng.random() < 0.5 else within(e, self.rng.choice(SIZES))

    def factor(self, depth: int = 1) -> Data:
        """Return any factor; derivatives inside derivatives are rare."""
        kind = self.rng.random() if self.tensors else 0.5
        if kind < 0.4:
            return self.entry()
        if kind < 0.65:
            return self.bracket()
        if kind < 0.8:
            order = self.rng.choice((0, 0, 1, 1, 2, 9, -1) if depth else (0, 1))
            return {"apply": [self.rng.choice(FUNCTIONS), order, self.entry()["access"]]}
        if depth < 0:
            return self.entry()
        inner = [self.factor(depth - 1) for _ in range(self.rng.choice((0, 1, 1, 2, 2)))]
        name, index = self.entry(self.rng.choice("xyw"))["access"]
        return derivative(inner, name, *index)

    def term(self) -> Data:
        """Return a term, each of whose sums is an index of some boxed axis."""
        rng, outer = self.rng, list(self.names)
        sums = [v for v in rng.sample(SUMS, rng.choice((0, 0, 1, 1, 2))) if v not in outer]
        factors = []
        boxed = [t for t in self.tensors if t["shape"] and t["shape"][0] is not None]
        for v in sums:
            e = rng.choice((v, v, f"{affine(rng, self.names)} {rng.choice('+-')} {v}"))
            self.names.append(v)
            if boxed and rng.random() < 0.7:
                factors.append(self.entry(rng.choice(boxed)["name"], e))
            else:
                factors.append(within(e, rng.choice(SIZES)))
        factors += [self.factor() for _ in range(rng.choice((0, 1, 1, 2)))]
        rng.shuffle(factors)
        self.names = outer
        coefficient = rng.choice(("1", "1", "1", "2", "-1", "s", "1/2", "0", "N - 1"))
        return term(*factors, over=sums, coefficient=coefficient)


def tensors(rng: Random) -> list[Data]:
    """Return free tensors and some that are defined by them."""
    i, j, k = rng.sample(SUMS, 3)
    found: list[Data] = [
        {"name": "x", "shape": ["N"]},
        {"name": "y", "shape": [rng.choice(("K", "N"))]},
        {"name": "z", "shape": []},
        {"name": "w", "shape": rng.choice((["N"], ["N", "K"], ["2"]))},
    ]
    f = rng.choice(FUNCTIONS)
    activation: Data = {"apply": [f, rng.choice((0, 0, 0, 1)), ["x", [i]]]}
    choices: list[Data] = [
        defined("T", ["N"], [i], term(access("x", f"{i} + {k}"), access("y", k), over=[k])),
        defined("A", ["N"], [i], term(activation)),
        defined("D", [None], [i], term(access("x", j), equal(f"{i} - s*{j}"), over=[j])),
        defined("Q", [], [], term(access("x", i), access("x", i), over=[i])),
        defined("F", ["N"], [i], term(access("x", f"N - 1 - {i}"))),
        defined("B", ["N"], [i], term(access("x", i)), term(access("y", i), coefficient="2")),
        defined("E", ["2", "3"], [i, j], term(equal(f"{i} - {j}"))),
        defined("E1", [None], [i], term(within(i, "2"), coefficient="2"), term(equal(i))),
        defined("Z", [], [], term(access("x", j), over=[j])),
    ]
    found += rng.sample(choices, rng.choice((1, 2, 2, 3)))
    if rng.random() < 0.4:
        inner = rng.choice([t for t in found if len(t["shape"]) == 1])["name"]
        body = term(access("x", j), access(inner, j), over=[j])
        found.append(defined("L", [], [], body))
    if rng.random() < 0.2:
        formals = [i, k][: rng.choice((0, 1, 2))]
        some = Scope(rng, list(formals), list(found))
        terms = [some.term() for _ in range(rng.choice((1, 1, 2)))]
        found.append(defined("R", [rng.choice((*SIZES, None)) for _ in formals], formals, *terms))
    return found


def hypotheses(rng: Random) -> list[Data]:
    """Return conditions that can hold together."""
    choices: list[Data] = [
        {"at_least": "s - 1"},
        {"at_least": "N - 1"},
        {"at_least": "K"},
        {"at_least": "N - K"},
        {"equal": "N - 2*K"},
        {"range": ["r", "s"]},
        {"at_least": "K*s - 1"},
    ]
    return rng.sample(choices, rng.choice((0, 0, 1, 2, 3)))


def numbers(rng: Random) -> Data:
    """Return a statement about brackets and tables of numbers alone, without steps."""
    i, j, b = rng.sample(SUMS, 3)
    bodies = [
        term(
            rng.choice((equal(f"i - {rng.choice('j012')}"), within("j", "2"), equal("i + j - 2"))),
            coefficient=rng.choice(("1", "2", "-1", "1/2")),
        )
        for _ in range(rng.choice((1, 1, 2)))
    ]
    table = defined("E", ["2", "3"], ["i", "j"], *bodies)
    factors = [within(i, rng.choice("23")), within(j, rng.choice("23"))]
    factors.append(rng.choice((equal(f"{i} - {j}"), access("E", i, j), access("E", j, i))))
    if free := rng.random() < 0.5:
        factors += [rng.choice((within(b, "3"), within(b, "N"))), equal(f"{b} - {i}")]
    rng.shuffle(factors)
    variables: list[list[str | None]] = [[b, rng.choice((None, "3"))]] if free else []
    start = [term(*factors, over=[i, j], coefficient=rng.choice(("1", "1", "3", "1/2")))]
    return without_unused(certificate(start, (), variables, [], [table]))


def zero(rng: Random) -> Data:
    """Return `0 = 0 * term`, with a term whose sums are finite for various reasons."""
    sums = rng.sample(SUMS, rng.choice((1, 2, 2, 2, 3)))
    i, k = rng.sample(SUMS, 2)
    inner = defined("D", [None], [i], term(access("x", k), equal(f"{i} - s*{k}"), over=[k]))
    pair = defined("P", [None, None], [i, k], term(access("x", f"{i} + {k}"), within(k, "3")))
    scope = Scope(rng, [], [{"name": "x", "shape": ["N"]}, inner, pair])
    factors = []
    for _ in range(len(sums) + rng.choice((0, 0, 1))):
        ways = [f"{rng.choice(('', '', '2*', 's*', '-s*', 'K*'))}{v}" for v in sums]
        e = " + ".join(rng.sample(ways, rng.randint(1, len(ways)))).replace("+ -", "- ")
        factors.append(rng.choice((within(e, "3"), access("x", e), scope.entry("", e))))
        if factors[-1].get("access", [""])[0] == "P":
            factors[-1]["access"][1][1] = rng.choice(ways)
    step = {"rule": "collect", "at": 0, "arguments": {}}
    step["backwards_from"] = [term(*factors, over=sums, coefficient="0")]
    return certificate([], [step], (), [*hypotheses(rng), {"at_least": "s - 1"}], scope.tensors)


def statement(rng: Random) -> Data:
    """Return a certificate without steps, mostly well-formed and finite."""
    table = tensors(rng)
    variables: list[list[str | None]] = [
        [v, rng.choice(("N", "N", "K", "3", None))]
        for v in rng.sample(VARIABLES, rng.choice((0, 1, 1, 2)))
    ]
    scope = Scope(rng, [str(v) for v, _ in variables], table)
    start = [scope.term() for _ in range(rng.choice((1, 1, 1, 1, 2, 2, 0)))]
    if rng.random() < 0.4:
        inner = scope.entry(table[-1]["name"])
        if rng.random() < 0.3:
            inner = derivative([inner, *([scope.factor(0)] * rng.choice((0, 1)))], "x", "0")
        pending = derivative([inner, *([scope.factor(0)] * rng.choice((0, 0, 1)))], "x", "h")
        start = [term(*([scope.factor(0)] * rng.choice((0, 0, 1))), pending)]
        variables = [v for v in variables if v[0] != "h"] + [["h", rng.choice(("N", "N", None))]]
    given = hypotheses(rng)
    return without_unused(certificate(start, (), variables, given, table))
