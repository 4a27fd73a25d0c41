"""The stepper's data mean what was proved, and its script evaluates them as Python does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import product
from math import ceil, floor, prod
from pathlib import Path
from typing import Any

import pytest
from sympy import Symbol

from rot180.codegen.figures.sample_sizes import sample_sizes
from rot180.codegen.figures.stepper import stepper, stepper_data, stepper_script, stepper_style
from rot180.codegen.figures.windows import input_gradient, windowed_layer
from rot180.derive.gradients.gradient import chain_goal
from rot180.derive.language.layers import layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import Model
from tests.support.browser import browser, until

SPECS = [
    "conv1d",
    "true_conv1d",
    "true_conv1d_batched",
    "conv_transpose1d",
    "local1d",
    "linear",
    "y[p] = sum[k] x[3*p+2*k-a] * w[k]",
    "y[p] = sum[k] x[2*p+1-3*k] * w[k]",
    "y[p] = sum[k] x[2*p+k] * [0 <= k < K]",
    "x[H]; y[p] = sum[k] x[H-1-2*p-k] * w[k]",
    "conv2d",
    "y[p,q] = sum[k,l] x[2*p+k,q-l] * w[k,l]",
]
Env = Mapping[str, int]


def number(poly: list[Any], env: Env) -> Fraction:
    return sum((Fraction(n, d) * prod(env[v] for v in names) for n, d, names in poly), Fraction(0))


def span(limits: list[Any], env: Env) -> range:
    low, high = [], []
    for limit in limits:
        factor, rest, size = (number(e, env) for e in limit)
        ends = sorted([-rest / factor, (size - 1 - rest) / factor])
        low.append(ceil(ends[0]))
        high.append(floor(ends[1]))
    return range(max(low), min(high) + 1)


def products(data: Any, t: Any, env: Env, point: Env) -> Iterator[tuple[Fraction, list[Any]]]:
    """Evaluate an exported sum: the coefficient and the entries of each product."""
    loops = [(v, span(limits, env)) for v, limits in t["loops"] if v not in point]
    for values in product(*(r for _, r in loops)):
        at = {**env, **point, **dict(zip((v for v, _ in loops), values, strict=True))}
        if all(number(f["equal"], at) == 0 for f in t["factors"] if "equal" in f) and all(
            0 <= number(f["range"], at) < number(f["size"], at)
            for f in t["factors"]
            if "range" in f
        ):
            read = [f for f in t["factors"] if "tensor" in f]
            places = [[int(number(e, at)) for e in f["index"]] for f in read]
            reads = [entry(data, f["tensor"], p, env) for f, p in zip(read, places, strict=True)]
            yield number(t["coefficient"], at), reads


def entry(data: Any, name: str, place: list[int], env: Env) -> tuple[str, list[int]] | None:
    t = data["tensors"][name]
    for i, size in zip(place, t["shape"], strict=True):
        if size is not None and not 0 <= i < number(size, env):
            return None
    if not t["terms"]:
        return name, place
    point = dict(zip(t["formals"], place, strict=True))
    for body in t["terms"]:
        for _, reads in products(data, body, env, point):
            if None not in reads:
                found: tuple[str, list[int]] | None = reads[0]
                return found
    return None


def total(data: Any, view: Any, env: Env, point: tuple[int, ...], model: Model) -> int:
    """Add up what a view shows at a point, with the model's entries."""
    at = dict.fromkeys(view["fixed"], 0) | dict(zip(view["free"], point, strict=True))
    out = Fraction(0)
    for coefficient, reads in products(data, view["term"], env, at):
        if None not in reads:
            for name, index in reads:
                shape = [int(number(n, env)) for n in data["tensors"][name]["shape"]]
                coefficient *= int(model.entries(name, tuple(shape))[tuple(index)])
            out += coefficient
    return int(out)


def choices(data: Any) -> list[dict[str, int]]:
    """Return the sizes at first, and sizes with other parameters, remainders and overhangs."""
    env = data["sizes"]
    strides = {v for axis in data["axes"] for _, _, names in axis["stride"] for v in names}
    shifts = {v for axis in data["axes"] for _, _, names in axis["shift"] for v in names}
    sizes = [name for name in data["controls"] if name.isupper()]
    bumped = {**env, **{name: env[name] + 1 for name in sizes}}
    return [
        env,
        {**bumped, **dict.fromkeys(strides, 3)},
        {**bumped, **dict.fromkeys(strides, 1), **{v: env[v] + 1 for v in shifts}},
        {**env, **{v: env[v] - 1 for v in shifts}},
    ]


@pytest.mark.parametrize("spec", SPECS)
def test_the_data_mean_what_the_layer_and_the_chain_rule_mean(spec: str) -> None:
    given = layer(spec)
    data: Any = json.loads(json.dumps(stepper_data(given)))
    wrt, definition = windowed_layer(given).operand, given.output.definition
    assert definition is not None
    variables, goal = chain_goal(given, wrt)
    shown = windowed_layer(given).forward.term
    lines = {
        "forward": (definition.formals, (shown,)),
        "backward": (tuple(v for v, _ in variables), goal),
    }
    for env in choices(data):
        model = Model({symbol(name): n for name, n in env.items()}, limit=5)
        for view in data["views"]:
            free, line = lines[view["key"]]
            moves = dict(zip(view["free"], range(len(view["free"])), strict=True))
            for point in product(*(range(int(number(n, env))) for n in view["shape"])):
                at: dict[Symbol, int] = {
                    v: point[moves[v.name]] if v.name in moves else 0 for v in free
                }
                assert total(data, view, env, point, model) == evaluate(line, model, at), (env, at)


def test_another_forward_index_exports_other_data() -> None:
    one, other = (
        stepper_data(layer(f"y[p] = sum[k] x[{index}] * w[k]")) for index in ("p+k", "p-k")
    )
    assert one["views"] != other["views"]


def shared() -> str:
    """Return what all steppers of a page share."""
    return f"<style>{stepper_style()}</style><script>{stepper_script()}</script>"


def test_the_fragment_is_self_contained() -> None:
    text = shared() + stepper(layer("conv1d"), "a")
    assert not re.search(r"https?://|src=|@import|url\(", text)
    assert 'id="a"' in text


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="identifier: found 'a b'"):
        stepper(layer("conv1d"), "a b")
    with pytest.raises(ValueError, match="found 3 axes, expected 1 or 2"):
        stepper(layer("conv3d"), "a")
    with pytest.raises(ValueError, match="expected one sum of products"):
        stepper(layer("y[p] = x[p] * w[p]"), "a")


def test_text_of_a_layer_is_escaped() -> None:
    text = stepper(layer("y[p] = sum[k] x[p+k] * w[k] * [0 <= k < 3]"), "a")
    assert "0 &lt;= k &lt; 3" in text
    assert text.count("</script>") == 1


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Open a page with a stepper for each layer."""
    path: Path = tmp_path_factory.mktemp("stepper") / "page.html"
    body = "".join(stepper(layer(spec), f"s{n}") for n, spec in enumerate(SPECS))
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title>'
    path.write_text(head + '<link rel="icon" href="data:,">' + shared() + body)
    with browser() as driver:
        driver.get(path.as_uri())
        yield driver


def reset(page: Any) -> None:
    """Open the page anew, at the address that holds no state."""
    address = page.current_url.partition("#")[0]
    # away from the page, no timer of it writes the address
    page.get("about:blank")
    page.get(address)


SURVEY = """
const root = document.getElementById(arguments[0]), engine = window.rot180Stepper;
const data = JSON.parse(root.querySelector(".stepper-data").textContent);
const said = entry => entry && [entry.tensor, entry.index];
return data.views.map(view => engine.survey(data, view, arguments[1]).steps.map(step => [
  step.point,
  step.products.map(p => [p.coefficient, p.reads.map(met => said(met.entry))])
]));
"""


@pytest.mark.parametrize("n", range(len(SPECS)), ids=SPECS)
def test_the_script_evaluates_as_python_does(page: Any, n: int) -> None:
    data: Any = json.loads(json.dumps(stepper_data(layer(SPECS[n]))))
    for env in choices(data):
        found = page.execute_script(SURVEY, f"s{n}", env)
        for view, steps in zip(data["views"], found, strict=True):
            shape = [range(int(number(size, env))) for size in view["shape"]]
            assert [point for point, _ in steps] == [list(p) for p in product(*shape)]
            for point, shown in steps:
                at = dict.fromkeys(view["fixed"], 0) | dict(zip(view["free"], point, strict=True))
                expected = [
                    [float(c), [m and [m[0], m[1]] for m in reads]]
                    for c, reads in products(data, view["term"], env, at)
                ]
                assert shown == expected, (env, point)


@pytest.mark.parametrize("n", range(len(SPECS)), ids=SPECS)
def test_the_script_resolves_sizes_as_python_does(page: Any, n: int) -> None:
    data: Any = stepper_data(layer(SPECS[n]))
    windowed = windowed_layer(layer(SPECS[n]))
    for more in (-1, 0, 1, 2, 3):
        chosen = {name: data["sizes"][name] for name in data["controls"]}
        chosen |= {name: max(1, chosen[name] + more) for name in chosen if name in "HVPC"}
        program = "return window.rot180Stepper.resolveSizes(arguments[0], arguments[1])"
        resolved = page.execute_script(program, data, chosen)
        resolved.pop("problem", None)
        assert resolved == sample_sizes(windowed, chosen)


@pytest.mark.parametrize("width", [360, 390, 1200])
def test_buttons_keys_and_sizes(page: Any, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    reset(page)
    root = page.find_element("id", "s0")
    view = root.find_element("css selector", "[data-view=forward]")
    line = view.find_element("css selector", ".stepper-sum")
    assert line.text == "y[0] = x[0]·w[0] + x[1]·w[1] + x[2]·w[2]"
    view.find_element("css selector", "[data-do=next]").click()
    assert line.text == "y[1] = x[2]·w[0] + x[3]·w[1] + x[4]·w[2]"
    view.send_keys("\ue014")
    assert line.text.startswith("y[2] = x[4]")
    view.find_element("css selector", "[data-do=previous]").click()
    assert line.text.startswith("y[1]")
    view.find_element("css selector", "input[type=range]").send_keys("\ue010")
    assert line.text.startswith("y[3]")
    play = view.find_element("css selector", "[data-do=play]")
    play.click()
    assert play.get_attribute("aria-pressed") == "true"
    play.click()
    assert play.get_attribute("aria-pressed") == "false"
    back = root.find_element("css selector", "[data-view=backward] .stepper-sum")
    assert back.text == "dx[0] = 0·w[2] + 0·w[1] + g[0]·w[0]"
    wide = page.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width
    assert not [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]


def test_bad_combinations_say_what_is_wrong(page: Any) -> None:
    root = page.find_element("id", "s0")
    message = root.find_element("css selector", ".stepper-message")
    field = root.find_element("name", "H")

    def put(value: str) -> None:
        field.clear()
        field.send_keys(value)

    line = root.find_element("css selector", "[data-view=forward] .stepper-sum")
    shown = line.text
    put("2")
    assert "no window fits" in message.text
    assert "make H larger, or K smaller" in message.text
    assert line.is_displayed()
    assert line.text == shown, "the drawing stays"
    put("99")
    assert message.text == "H: found 99, expected an integer from 1 to 14"
    put("9")
    assert not message.is_displayed()
    assert root.find_element("css selector", ".stepper-derived").text == "P = 4"


def test_numbers_can_be_written(page: Any) -> None:
    """The sum at each step is that of the numbers; what is no number leaves the drawing."""
    reset(page)
    root = page.find_element("id", "s0")
    line = root.find_element("css selector", "[data-view=forward] .stepper-sum")
    message = root.find_element("css selector", ".stepper-message")
    root.find_element("name", "with-numbers").click()
    field, taps = (root.find_element("name", f"entries-{name}") for name in ("x", "w"))
    assert line.text == "y[0] = 1·1 + 2·(-1) + 3·2 = 5"
    taps.clear()
    taps.send_keys("1 10 -100")
    assert line.text == "y[0] = 1·1 + 2·10 + 3·(-100) = -279"
    cells = root.find_elements("css selector", "[data-view=forward] [data-part=target] span")
    assert [cell.text for cell in cells if cell.text][:2] == ["y", "-279"]
    field.clear()
    field.send_keys("5 6")
    assert re.fullmatch(r"x: found 2 numbers, expected \d", message.text)
    assert line.text.endswith("= -279")
    field.clear()
    field.send_keys("5 six")
    assert message.text == "x: found six, expected a number"
    root.find_element("name", "with-numbers").click()
    assert not message.is_displayed()
    assert line.text == "y[0] = x[0]·w[0] + x[1]·w[1] + x[2]·w[2]"


def test_the_numbers_give_what_the_layer_gives(page: Any) -> None:
    """With the entries that are suggested, every step shows the value that Python computes."""
    program = """
    const root = document.getElementById(arguments[0]), form = root.querySelector("form");
    form.elements["with-numbers"].click();
    const fields = [...form.elements].filter(field => field.type === "text");
    const sums = [...root.querySelectorAll("[data-view]")].map(view => {
      const said = [], next = view.querySelector("[data-do=next]");
      for (let i = 0; i <= +view.querySelector("input[type=range]").max; i++, next.click())
        said.push(view.querySelector(".stepper-sum").textContent);
      return said;
    });
    return [Object.fromEntries(fields.map(f => [f.name.slice(8), f.value])), sums];
    """
    reset(page)
    for n in (0, 1, 6, 8, 10):
        data: Any = json.loads(json.dumps(stepper_data(layer(SPECS[n]))))
        env = data["sizes"]
        written, views = page.execute_script(program, f"s{n}")
        values = {name: [int(v) for v in text.split()] for name, text in written.items()}
        for view, sums in zip(data["views"], views, strict=True):
            points = product(*(range(int(number(size, env))) for size in view["shape"]))
            for point, said in zip(points, sums, strict=True):
                at = dict.fromkeys(view["fixed"], 0) | dict(zip(view["free"], point, strict=True))
                assert in_numbers(data, view, env, at, values) == int(said.split(" = ")[-1])


def in_numbers(data: Any, view: Any, env: Env, at: Env, values: Mapping[str, list[int]]) -> int:
    """Add up a sum with entries that are listed row by row, along the axes that are shown."""
    out = Fraction(0)
    for coefficient, reads in products(data, view["term"], env, at):
        if None in reads:
            continue
        for name, index in reads:
            tensor, place = data["tensors"][name], 0
            for axis in tensor["shown"]:
                place = place * int(number(tensor["shape"][axis], env)) + index[axis]
            coefficient *= values[name][place]
        out += coefficient
    return int(out)


def test_the_address_holds_what_was_chosen(page: Any) -> None:
    reset(page)
    root = page.find_element("id", "s0")
    view = root.find_element("css selector", "[data-view=forward]")
    root.find_element("name", "with-numbers").click()
    taps = root.find_element("name", "entries-w")
    taps.clear()
    taps.send_keys("1 0 2")
    view.send_keys("\ue010")
    said = view.find_element("css selector", ".stepper-sum").text
    until(page, "location.hash.endsWith('step-forward=3')", 60)
    address = page.current_url
    assert address.endswith("#s0?with-numbers=on&entries-w=1+0+2&step-forward=3")
    page.get("about:blank")
    page.get(address)
    view = page.find_element("css selector", "#s0 [data-view=forward]")
    assert view.find_element("css selector", ".stepper-sum").text == said
    assert page.find_element("name", "entries-w").get_attribute("value") == "1 0 2"
    page.get("about:blank")
    page.get(address.replace("with-numbers=on", "H=99&with-numbers=on").replace("1+0", "no"))
    message = page.find_element("css selector", "#s0 .stepper-message")
    assert message.text == "H: found 99, expected an integer from 1 to 14"
    assert page.find_element("css selector", "#s0 .stepper-sum").text.startswith("y[0] = x[0]")
    assert not [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    page.get(address.partition("#")[0])


def test_an_address_that_is_not_its_own_stays(page: Any) -> None:
    """The address of a part of the page gives way, one that names no part does not."""
    reset(page)
    view = page.find_element("css selector", "#s0 [data-view=forward]")
    wait = "const done = arguments[0]; setTimeout(() => done(location.hash), 1000);"
    for before, after in (("#sum=x%5Bi%5D", "#sum=x%5Bi%5D"), ("#s1", "#s0?step-forward=2")):
        page.execute_script("history.replaceState(null, '', arguments[0])", before)
        view.send_keys("\ue014")
        assert page.execute_async_script(wait) == after
    reset(page)


def test_keys_move_the_window(page: Any) -> None:
    reset(page)
    view = page.find_element("css selector", "#s0 [data-view=forward]")
    line = view.find_element("css selector", ".stepper-sum")
    for key, start in (("\ue010", "y[3]"), ("\ue011", "y[0]"), ("\ue012", "y[3]")):
        view.send_keys(key)
        assert line.text.startswith(start)
    play = view.find_element("css selector", "[data-do=play]")
    for pressed in ("true", "false"):
        view.send_keys(" ")
        assert play.get_attribute("aria-pressed") == pressed


def test_the_gradient_is_the_derived_one() -> None:
    data: Any = stepper_data(layer("conv1d"))
    theorem = input_gradient(layer("conv1d"))
    assert data["views"][1]["free"] == [theorem.variables[-1][0].name]
    assert {"dilate_grad_y_s", "rot180_w"} <= data["tensors"].keys()
