"""Two verifiers and thousands of forgeries: they agree, and what both accept is true.

`ROT180_FORGERIES=200000 pytest tests/kernel` tries more; `ROT180_FORGERY_SEED=2` others. A failure
prints the forgery's seed and number, and its text with all left out that can be.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from rot180.derive.kernel.place import ARGUMENTS
from tests.support.forger import apart, committed, forge, refutation, shrunk, valid
from tests.support.forger_steps import RULES
from tests.support.verdicts import checked, replayed

COUNT = int(os.environ.get("ROT180_FORGERIES", "2000"))
SEED = os.environ.get("ROT180_FORGERY_SEED", "1")
CHUNKS = 20
"""Among how many tests the forgeries are shared: several processes may run them."""

VALID = sorted((Path(__file__).parent / "valid").glob("*.json"))
"""Certificates that one verifier proved and the other refused, or that brought it down."""


def judged(text: str, known: dict[object, str]) -> tuple[str, str]:
    """Let both verifiers judge, and the finite models what both accept.

    Args:
        text: a certificate.
        known: what was found of statements before.

    Returns:
        what is counted, and what is wrong with a verifier or "".

    """
    try:
        one, theorem = replayed(text)
        other = checked(text)
    except Exception as error:  # whatever it is, a verifier must not raise it
        return "crashed", f"{type(error).__name__}: {error}"
    if (one == "proved") != (other == "proved"):
        return "disagreed", f"replay says {one}, the checker {other}"
    if theorem is None:
        return ("refused" if one == other else "refused, one for its form"), ""
    key = theorem.variables, theorem.hypotheses, apart(theorem.lhs, theorem.rhs)
    if key not in known:
        known[key] = refutation(theorem)
    if known[key] in ("", "no model", "no value"):
        return known[key] or "true", ""
    return "false", f"both accept what is false: {known[key]}"


def report(seed: str, number: int, text: str, why: str) -> str:
    """Say what is wrong, and with which forgery."""
    kind = judged(text, {})[0]
    small = shrunk(text, lambda t: judged(t, {})[0] == kind)
    return f"forgery {number} of seed {seed}: {why}\n{small}\nbefore it was shrunk:\n{text}"


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_forgeries(chunk: int, record_property: Callable[[str, object], None]) -> None:
    """The summary of the run has the numbers."""
    count: Counter[str] = Counter()
    known: dict[object, str] = {}
    wrong: list[str] = []
    for number in range(COUNT // CHUNKS):
        text = forge(f"{SEED}.{chunk}", number)
        kind, why = judged(text, known)
        count[kind] += 1
        if why and len(wrong) < 3:
            wrong.append(report(f"{SEED}.{chunk}", number, text, why))
    record_property("forgeries", json.dumps({"seed": SEED, **count}))
    assert not wrong, "\n\n".join(wrong)
    tried = count.total()
    # of fewer, the share says little
    plausible = tried < 1000 or count["true"] >= 0.1 * tried
    assert plausible, f"too few of the {tried} forgeries are plausible: {count}"


def test_the_forger_knows_every_rule() -> None:
    known = {rule: sorted(kinds) for rule, kinds in RULES.items() if rule in ARGUMENTS}
    assert known == {rule: sorted(kinds) for rule, kinds in ARGUMENTS.items()}


def test_a_forgery_is_the_same_for_the_same_seed_and_number() -> None:
    once = [forge("again", number) for number in range(40)]
    valid.cache_clear()
    assert [forge("again", number) for number in reversed(range(40))] == once[::-1]


def test_shrinking_leaves_what_is_bad() -> None:
    text = forge("1", 3)
    small = json.loads(shrunk(text, lambda t: '"start"' in t and len(t) > 100))
    assert "start" in small
    assert len(json.dumps(small)) < 400


@pytest.mark.parametrize("path", VALID, ids=lambda p: p.stem)
def test_both_prove_what_they_once_disagreed_on(path: Path) -> None:
    """One twin of `names_in_a_citation` is refused, whatever was replayed before."""
    twin = (path.parents[1] / "forged/names_of_a_twin.json").read_text()
    assert (replayed(twin)[0], checked(twin)) == ("refused", "refused")
    text = path.read_text()
    assert judged(text, {}) == ("true", "")


@pytest.mark.parametrize("key", ["", "??", "a b", "x ", "x[0]"])
def test_only_a_name_is_replaced_in_a_citation(key: str) -> None:
    """The checker once ignored what is no tensor's name."""
    (path,) = (p for p in committed() if p.name == "perceptron_delta.json")
    data = json.loads(path.read_text())
    step = next(s for s in data["steps"] if s["rule"] == "compose")
    text = json.dumps(data)
    step["arguments"]["tensors"].append([key, {"tensor": data["tensors"][0]["name"]}])
    assert (replayed(text)[0], checked(text)) == ("proved", "proved")
    changed = json.dumps(data)
    assert (replayed(changed)[0], checked(changed)) == ("malformed", "malformed")
