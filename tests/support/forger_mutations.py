"""Mutations of certificates: one small change somewhere in the JSON data."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from tests.support.forger_citations import renamed
from tests.support.forger_grammar import FUNCTIONS, Data, Scope, junk, without_unused
from tests.support.forger_steps import NAMES, RULES, refutation, step

TOKEN = re.compile(r"[A-Za-z_]\w*|\d+|[-+*^/]")
Node = tuple[Any, Any]
"""A list or an object, and a place in it."""


def nodes(data: Any) -> Iterator[Node]:
    """Yield all positions in JSON data."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield data, key
        if isinstance(value, dict | list):
            yield from nodes(value)


def objects(data: Any, key: str) -> list[Data]:
    """Return all objects that have a key, those of cited proofs included."""
    found = [data] if isinstance(data, dict) and key in data else []
    values = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return found + [o for v in values for o in objects(v, key)]


def changed_text(rng: Random, text: str) -> str:
    """Change one token of a polynomial or a name."""
    tokens = list(TOKEN.finditer(text))
    if not tokens:
        return rng.choice(("0", "i", "1"))
    found = rng.choice(tokens)
    old = found[0]
    if old.isdigit():
        new = rng.choice((str(int(old) + 1), str(max(int(old) - 1, 0)), "0", "N", "10" * 15))
    elif old in "+-":
        new = "-" if old == "+" else "+"
    elif old in "*^/":
        new = rng.choice("+-*^/")
    else:
        new = rng.choice((*NAMES, "1", "0", old + "1", "2*" + old))
    out = text[: found.start()] + new + text[found.end() :]
    return f"-{out}" if rng.random() < 0.1 else out


def change_a_text(rng: Random, data: Data, _: Sequence[Data]) -> None:
    """Change a name, a sign or a number."""
    texts = [
        (o, k)
        for o, k in nodes(data)
        if isinstance(o[k], str) and k not in ("rule", "name")
    ]
    if texts:
        o, k = rng.choice(texts)
        o[k] = changed_text(rng, str(o[k]))


def change_a_number(rng: Random, data: Data, _: Sequence[Data]) -> None:
    """Change the number of a factor, a term, a fact; an order."""
    numbers = [(o, k) for o, k in nodes(data) if type(o[k]) is int and k != "format"]
    o, k = rng.choice(numbers)
    ways = (o[k] + 1, max(o[k] - 1, 0), 0, 1, 2)
    o[k] = rng.choice(ways) if rng.random() < 0.9 else rng.choice((-1, 10**30))


def put_junk(rng: Random, data: Data, _: Sequence[Data]) -> None:
    """Put a value of another type anywhere."""
    o, k = rng.choice(list(nodes(data)))
    o[k] = copy.deepcopy(junk(rng))


def change_a_list(rng: Random, data: Data, _: Sequence[Data]) -> None:
    """Swap, duplicate or drop entries of any list."""
    lists = [o[k] for o, k in nodes(data) if isinstance(o[k], list) and o[k]]
    found = rng.choice(lists)
    a, b = rng.randrange(len(found)), rng.randrange(len(found))
    kind = rng.choice(("swap", "double", "drop"))
    if kind == "swap":
        found[a], found[b] = found[b], found[a]
    elif kind == "double":
        found.insert(b, copy.deepcopy(found[a]))
    else:
        del found[a]


def change_the_steps(rng: Random, data: Data, others: Sequence[Data]) -> None:
    """Swap, double, drop, cut; a step of another proof or one from scratch."""
    steps = rng.choice(objects(data, "steps"))["steps"]
    if not isinstance(steps, list):
        return
    kind = rng.choice(("drop", "double", "cut", "graft", "new", "swap"))
    at = rng.randint(0, len(steps))
    if kind == "graft":
        donor = [s for o in rng.choice(others)["steps"] for s in (o, *objects(o, "rule"))]
        if donor:
            steps.insert(at, copy.deepcopy(rng.choice(donor)))
    elif kind == "new":
        scope = Scope(rng, ["i", "h"], [t for t in data.get("tensors", []) if "name" in t])
        steps.insert(at, step(scope, []))
    elif kind == "cut" or not steps:
        del steps[at:]
    elif kind == "drop":
        del steps[at - 1]
    elif kind == "double":
        steps.insert(at, copy.deepcopy(steps[at - 1]))
    else:
        steps[at - 1], steps[at - 2] = steps[at - 2], steps[at - 1]


def change_a_step(rng: Random, data: Data, _: Sequence[Data]) -> None:
    """Write another rule or direction, `inside`, other certificates."""
    steps = objects(data, "rule")
    if not steps:
        return
    found = rng.choice(steps)
    kind = rng.choice(("rule", "forwards", "inside", "certificates", "swap", "none"))
    if kind == "rule":
        found["rule"] = rng.choice(list(RULES))
    elif kind == "forwards":
        found.pop("backwards_from", None)
    elif kind == "inside":
        found["inside"] = rng.choice((0, 1))
    elif kind == "none":
        found.pop("certificates", None)
    elif kind == "swap":
        other = rng.choice(steps)
        for a, b in ((found, other), (other, found)):
            if "certificates" in b:
                a["certificates"] = copy.deepcopy(b["certificates"])
    else:
        given = found.setdefault("certificates", [])
        if isinstance(given, list):
            given.insert(rng.randint(0, len(given)), [refutation(Scope(rng))])


def change_the_hypotheses(rng: Random, data: Data, _: Sequence[Data]) -> None:
    """Write other conditions, in the proof or in a cited one."""
    found = rng.choice(objects(data, "hypotheses"))
    given = found["hypotheses"]
    if not isinstance(given, list):
        return
    if given and rng.random() < 0.6:
        del given[rng.randrange(len(given))]
    else:
        e = rng.choice(("s - 1", "N - 2", "s", "-1", "i", "h", "K - 1", "s^2 - 4"))
        given.append(rng.choice(({"at_least": e}, {"equal": e}, {"range": [e, "N"]})))


def change_a_tensor(rng: Random, data: Data, _: Sequence[Data]) -> None:
    """Give a tensor another box, another body, another name."""
    tables = [t for o in objects(data, "tensors") for t in o["tensors"] if isinstance(t, dict)]
    if not tables:
        return
    found = rng.choice(tables)
    kind = rng.choice(("shape", "name", "body", "free", "formals", "other"))
    shape = found.get("shape")
    if kind == "shape" and isinstance(shape, list) and shape:
        shape[rng.randrange(len(shape))] = rng.choice((None, "0", "-1", "N", "h", "2", "10" * 15))
    elif kind == "name":
        found["name"] = rng.choice(tables).get("name", "x")
    elif kind == "free":
        found.pop("body", None)
        found.pop("formals", None)
    elif kind == "other":
        other = rng.choice(tables)
        found |= {k: copy.deepcopy(v) for k, v in other.items() if k != "name"}
    elif "body" in found:
        change_a_text(rng, found["body" if kind == "body" else "formals"], ())


def rename_in_a_part(rng: Random, data: Data, _: Sequence[Data]) -> None:
    """Rename one name throughout a part: a tensor, a term, a cited proof, all of it."""
    parts = [(o, k) for o, k in nodes(data) if isinstance(o[k], dict | list)]
    o, k = rng.choice(parts) if rng.random() < 0.8 else ({"all": data}, "all")
    if rng.random() < 0.3:
        cited = [(p, "proof") for p in objects(data, "proof")]
        o, k = rng.choice(cited) if cited else (o, k)
    names = sorted({w for w in re.findall(r"[A-Za-z]\w*", repr(o[k])) if len(w) < 4})
    if not names:
        return
    new = renamed(o[k], {rng.choice(names): rng.choice((*NAMES, *names, *FUNCTIONS[:2]))})
    if o[k] is data:
        data |= new
    else:
        o[k] = new


def change_the_variables(rng: Random, data: Data, _: Sequence[Data]) -> None:
    """Give a free index another box; one index more or less."""
    given = rng.choice(objects(data, "variables"))["variables"]
    if not isinstance(given, list):
        return
    kind = rng.random()
    if given and kind < 0.5:
        found = rng.choice(given)
        if isinstance(found, list) and len(found) == 2:
            found[1] = rng.choice((None, "N", "0", "-1", "2", "h", "K"))
    elif given and kind < 0.75:
        del given[rng.randrange(len(given))]
    else:
        given.append([rng.choice(NAMES), rng.choice((None, "N"))])


def change_the_keys(rng: Random, data: Data, _: Sequence[Data]) -> None:
    """Remove, add or rename a key."""
    found = rng.choice([o for o, _ in nodes(data) if isinstance(o, dict) and o])
    key = rng.choice(list(found))
    kind = rng.choice(("less", "more", "other"))
    value = found.pop(key) if kind != "more" else 0
    if kind != "less":
        others = ("display", "inside", "name", "sum", "factor", "equal", "access", "order", "at")
        found.setdefault(rng.choice(others), value)


def graft(rng: Random, data: Data, others: Sequence[Data]) -> None:
    """Replace a part by one of another certificate with the same key."""
    key = rng.choice(("arguments", "proof", "tensors", "steps", "hypotheses", "sum", "body"))
    places, donors = objects(data, key), objects(list(others), key)
    if places and donors:
        rng.choice(places)[key] = copy.deepcopy(rng.choice(donors)[key])


MUTATIONS: tuple[Callable[[Random, Data, Sequence[Data]], None], ...] = (
    change_a_text,
    change_a_text,
    change_a_number,
    put_junk,
    change_a_list,
    change_the_steps,
    change_a_step,
    change_the_hypotheses,
    change_a_tensor,
    rename_in_a_part,
    rename_in_a_part,
    change_the_variables,
    change_the_keys,
    graft,
)


def mutant(rng: Random, base: Data, others: Sequence[Data], count: int) -> Data:
    """Return a copy of a certificate with this many changes."""
    data = copy.deepcopy(base)
    for _ in range(count):
        if not isinstance(data.get("steps"), list):
            break
        # after junk, what a mutation looks for may not be there
        with suppress(IndexError, KeyError, TypeError, AttributeError, ValueError):
            rng.choice(MUTATIONS)(rng, data, others)
    return without_unused(data) if rng.random() < 0.95 else data
