"""Every limit is named where it is exceeded, with what raises it; what is below it is computed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rot180.codegen.kernels.derivation import derive
from rot180.codegen.plans.arrange import MOST_FACTORS
from rot180.codegen.plans.lower import lower_expression
from rot180.derive import checker
from rot180.derive.certificates.reader import MalformedError, loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.gradients.gradient import gradient, kernel_theorem, kernel_theorems
from rot180.derive.kernel.replay import TERMS, replay
from rot180.derive.language import limits
from rot180.derive.language.layers import layer
from rot180.derive.language.limits import LIMITS, VARIABLE, LimitError, metered, most, spend
from rot180.derive.networks.network import network


def entries(count: int, sign: str, entry: str = "x{}[i]") -> str:
    return f" {sign} ".join(entry.format(n) for n in range(count))


TOO_MUCH = {
    "characters": "y[i] = " + " " * 10_000 + "x[i]",
    "depth": "y[i] = " + "(" * 31 + "x[i]" + ")" * 31,
    "terms": "y[i] = " + entries(201, "+"),
    "factors": "y[i] = " + entries(65, "*"),
    "products": "y[i] = x[i + (a + b + c + d)^5 + (e + f)^8]",
    "degree": "y[i] = (x[i] + z[i])^9",
    "digits": "y[i] = 1234567890123456 * x[i]",
}
"""For each limit of a text, a text that exceeds it by little."""


@pytest.mark.parametrize("name", TOO_MUCH)
def test_a_text_is_refused_with_the_limit_that_it_exceeds(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=f"{VARIABLE}={name}=([0-9]+)") as found:
        layer(TOO_MUCH[name])
    suggested = str(found.value).rsplit("=", 1)[1]
    assert int(suggested) > LIMITS[name][0]
    monkeypatch.setenv(VARIABLE, f"{name}={suggested}")
    assert most(name) == int(suggested)
    assert layer(TOO_MUCH[name]).output.definition is not None


@pytest.mark.parametrize("digits", [16, 100_000])
def test_a_long_number_is_refused(digits: int) -> None:
    for text in ("y[i] = {} * x[i]", "y[i] = x[i+{}]", "y[i] = x[i]^{}"):
        longest = most("characters")
        with pytest.raises(ValueError, match=VARIABLE if digits < longest else "longer than"):
            layer(text.format("9" * digits))


@pytest.mark.parametrize("given", ["terms", "terms=", "terms=-1", "tirms=5", "terms=1e3", "=3"])
def test_a_malformed_variable_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"depth=3, {given}")
    with pytest.raises(ValueError, match=rf"{VARIABLE}: found .*, expected NAME=NUMBER.*terms"):
        layer("y[i] = x[i]")


def test_a_network_is_refused_where_it_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "; ".join([*["linear 3; sigmoid"] * 64, "squared_error"])
    with pytest.raises(ValueError, match=f"129 layers(.|\n)*{VARIABLE}=layers=129"):
        network(deep)
    monkeypatch.setenv(VARIABLE, "layers=129,characters=100000")
    assert len(network(deep).members) == 129


def test_work_is_counted_and_limited() -> None:
    many = layer("y[i] = " + entries(60, "*"))
    words = rf"more than 450000 factors(.|\n)*{VARIABLE}=work=900000"
    with pytest.raises(LimitError, match=words), metered():
        kernel_theorems(many)
    with metered():
        proved = gradient(many, "x0")
    assert len(proved.rhs[0].factors) == 60


def test_the_outermost_count_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "work=10")
    spend(1000)  # nobody counts
    with metered(), metered():
        spend(10)
        with pytest.raises(LimitError):
            spend(1)
    with metered():
        spend(10)
    assert not limits._spent


@pytest.mark.parametrize("factors", [MOST_FACTORS, MOST_FACTORS + 1, 40])
def test_many_factors_are_divided_into_two_sides(factors: int) -> None:
    """Entry-wise they stay on one side; a matrix product of products has two, in any number."""
    one = kernel_theorem(layer("y[i] = " + entries(factors, "*")), None)
    variables = [(v, n) for v, n in one.variables if n is not None]
    (nest,) = lower_expression(variables, one.rhs, ordered=False).nests
    assert (len(nest.left), len(nest.right)) == (factors, 0)
    half = entries(factors // 2, "*", "x{}[i,k]"), entries(factors // 2, "*", "z{}[k,j]")
    two = kernel_theorem(layer(f"y[i,j] = sum[k] {half[0]} * {half[1]}"), None)
    variables = [(v, n) for v, n in two.variables if n is not None]
    (nest,) = lower_expression(variables, two.rhs, ordered=False).nests
    assert (len(nest.left), len(nest.right)) == (factors // 2, factors // 2)


def certificate(start: list[Any], steps: list[Any], tensors: list[Any]) -> str:
    keys = {"format": 1, "name": "made", "variables": [["i", "N"]], "hypotheses": []}
    return json.dumps({**keys, "tensors": tensors, "start": start, "steps": steps})


def test_replay_and_the_checker_refuse_long_polynomials_and_lines() -> None:
    x = {"name": "x", "shape": ["N"]}

    def scaled(count: int) -> str:
        c = " + ".join(f"a{n}" for n in range(count))
        factors = [{"access": ["x", ["i"]]}]
        return certificate([{"coefficient": c, "sum": [], "factors": factors}], [], [x])

    assert checker.check(scaled(1000))[0].verdict == "proved"
    assert replay(loads(scaled(1000))).lhs
    with pytest.raises(checker.MalformedError):
        checker.check(scaled(1001))
    with pytest.raises(MalformedError, match="more than 1000 monomials"):
        loads(scaled(1001))

    def long(count: int) -> str:
        terms = [{"coefficient": "1", "sum": [], "factors": [{"equal": f"i - {n}"}]}
                 for n in range(count)]  # fmt: skip
        turn = {"rule": "arrange", "at": 0, "arguments": {"order": [*reversed(range(count))]}}
        return certificate(terms, [turn], [])

    assert TERMS == checker.LONG == 1000
    assert "more than 1000 terms" in checker.check(long(TERMS + 1))[0].reason
    with pytest.raises(ValueError, match="more than 1000 terms"):
        replay(loads(long(TERMS + 1)))


def test_a_certificate_beyond_the_limit_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    text = dumps(gradient(layer("conv1d"), "x").proof)
    assert loads(text)
    monkeypatch.setenv(VARIABLE, "work=100")
    with pytest.raises(MalformedError, match=f"{VARIABLE}=work=200"):
        loads(text)


def test_many_operands_are_refused_before_the_first_gradient() -> None:
    text = "y[i] = " + " + ".join(f"x{n}[i] * w{n}[i]" for n in range(190))
    said: list[str] = []
    with pytest.raises(LimitError, match=f"{VARIABLE}=work="), metered():
        derive(text, progress=said.append)
    assert said == []
