"""Programs: the meaning of texts with several definitions, and faulty texts."""

from __future__ import annotations

import pytest
import sympy as sp

from rot180.derive.language.known_names import PROGRAM, REDUCTIONS
from rot180.derive.language.layers import catalogue, layer
from rot180.derive.language.limits import LIMITS
from rot180.derive.language.notation import NotationError, parse_layer
from rot180.derive.language.printer import write
from rot180.derive.language.program_catalogue import PROGRAMS
from rot180.derive.language.programs import Program, applications, parse_program, program, read

ATTENTION = (
    "z[n,i,j] = sum[d] q[n,i,d] * k[n,j,d] * c; e[n,i,j] = exp(z[n,i,j] - m[n,i]); "
    "y[n,i,f] = sum[j] e[n,i,j] * v[n,j,f] / sum[j] e[n,i,j]"
)
LAYER_NORM = """
    mu[n] = sum[c] x[n,c] / C
    var[n] = sum[c] (x[n,c] - mu[n])^2 / C
    y[n,c] = (x[n,c] - mu[n]) * reciprocal(var[n] + eps[]) * g[c]
        + b[c]
"""
TEXTS = {
    "attention": ATTENTION,
    "layer normalization": LAYER_NORM,
    "one definition": "y[i] = exp(x[i] - m[])",
    "a layer": "y[p] = sum[k] x[s*p+k] * w[k] + 2*b[]",
    "declared": "sigma: function; x[N,3]; u[n] = sigma(x[n,0] + x[n,1]); y[n] = u[n] * u[n]",
    "windows": "x[8]; a[p] = sum[k] x[p+k] * w[k]; y[q] = sum[l] relu(a[2*q+l] - t[]) * v[l]",
    "maximum": (
        "m[n] = max[j] z[n,j]; u[n] = min[j] (z[n,j] * w[j]); y[n] = m[n] - u[n] * max[j] z[n,j]"
    ),
    "square sizes": "a[i,j] = A[i,j] + A[j,i]; y[i] = sum[j] a[i,j] * x[j]",
    "product": "y[n] = 2 * prod[j] (x[n,j] + w[j])^2 + (prod[j] w[j]) * max[j] (x[n,j] + w[j])^2",
    "larger and smaller": "y[n,j] = max(x[n,j], w[j], 1) * min(abs(x[n,j]) - 2, sum[i] v[i])^2",
    "powers": "y[n] = (sum[j] x[n,j]^p[])^(1/2) * (sum[j] x[n,j]) * (sum[j] w[j])^-2 + 2^w[n]",
    "nested functions": "y[i] = exp(tanh(a[i] + b[i]) / c[i]) / 2 + 1 / (1 + c[i])^2",
}


def names(found: Program) -> list[str]:
    """Return the names of the definitions, in order."""
    return [t.name for t in found.definitions]


def lines(text: str) -> list[str]:
    """Return the canonical definitions."""
    return parse_program(text).text.split("; ")


@pytest.mark.parametrize("name", TEXTS)
def test_canonical_texts_parse_back(name: str) -> None:
    found = parse_program(TEXTS[name])
    assert parse_program(found.text) == found
    assert parse_program(found.text.replace("; ", "\n")) == found


def test_functions_and_divisions_of_expressions_become_definitions() -> None:
    """The inner sum may sum over the same index again: it is a definition of its own."""
    assert lines(ATTENTION) == [
        "z[n,i,j] = c * sum[d] q[n,i,d] * k[n,j,d]",
        "z_minus_m[n,i,j] = z[n,i,j] - m[n,i]",
        "e[n,i,j] = exp(z_minus_m[n,i,j])",
        "sum_e[n,i] = sum[j] e[n,i,j]",
        "y[n,i,f] = sum[j] e[n,i,j] * v[n,j,f] * reciprocal(sum_e[n,i])",
    ]
    found = parse_program(ATTENTION)
    assert [t.name for t in found.tensors] == ["q", "k", "m", "v"]
    assert [v.name for v in found.parameters] == ["c"]
    assert found.hypotheses == ("sum_e[n,i] != 0",)


def test_an_expression_that_occurs_twice_is_defined_once() -> None:
    """Sums in parentheses that are multiplied are not multiplied out, and defined once."""
    assert names(parse_program(LAYER_NORM)) == [
        *("value_of_C", "mu", "x_minus_mu", "var", "var_plus_eps", "y"),
    ]


def test_sums_that_are_not_multiplied_stay() -> None:
    assert names(parse_program("a[i] = x[i]; y[i] = -(a[i] - b[i]) + (a[i] + b[i]) / 2")) == [
        *("a", "y"),
    ]
    assert names(parse_program("a[i] = x[i]; y[i] = (s + 1) * a[i]")) == ["a", "y"]


def test_what_has_no_box_is_multiplied_out() -> None:
    """K has no size, so a product of sums cannot be stored."""
    text = "a[p] = x[p]; y[p] = sum[k] (a[p+k] + b[]) * [0 <= k < 3] * c[]"
    assert names(parse_program(text)) == ["a", "y"]


@pytest.mark.parametrize(
    ("text", "lifted"),
    [
        ("sum[k] (x[k] + b[]) * w[p+k]", False),  # the box of x would leave out terms with b
        ("sum[k] (x[k] + v[k]) * w[p+k]", True),
        ("sum[k] (x[k] + b[]) * w[k]", True),
        ("sum[k] (x[k] + b[]) * w[k] * v[p+k]", True),
        ("sum[k] (x[k] - b[])^2", True),  # else the sum would be infinite
        ("sum[k] (x[k] + b[]) * [0 <= k < 3]", False),
        ("(a[p] + x[p+1]) * b[]", True),
    ],
)
def test_a_box_leaves_nothing_out(text: str, lifted: bool) -> None:
    """A sum in parentheses means the same in a program as in a layer."""
    found = parse_program(f"a[p] = u[p]; y[p] = a[p] + {text}")
    assert (len(found.definitions) == 3) == lifted


def test_an_index_keeps_its_size() -> None:
    found = parse_program("a[i] = x[i]; y[i,j] = a[i] * w[j] + v[j]")
    assert [str(t.shape) for t in found.tensors] == ["(I,)", "(J,)", "(J,)"]
    # i addresses an axis of another size here
    found = parse_program("a[i,j] = x[i] * w[j]; y[i] = sum[k] a[k,i] * v[i]")
    assert {t.name: str(t.shape) for t in found.tensors} == {"x": "(I,)", "w": "(J,)", "v": "(J,)"}
    assert str(found.output.shape) == "(J,)"


def test_sizes_of_windows_get_new_names() -> None:
    found = parse_program("a[p] = sum[k] x[p+k] * w[k]; y[h] = sum[l] u[2*h+l] * v[l] * a[h]")
    assert {t.name: str(t.shape) for t in found.tensors} == {
        "x": "(H,)",
        "w": "(K,)",
        "u": "(V,)",
        "v": "(L,)",
    }


def test_a_layer_is_the_same_definition() -> None:
    text = "y[p] = sum[k] x[s*p+k] * w[k] + 2*b[]"
    found, known = parse_program(text), parse_layer(text)
    assert (found.output, found.tensors, found.parameters) == (
        *(known.output, known.tensors, known.parameters),
    )


def test_a_maximum_is_a_selection() -> None:
    """The selection is no operand, and a maximum alone needs no definition of its own."""
    found = parse_program("m[n,i] = max[j,k] z[n,j,i,k]; y[n] = sum[i] m[n,i]")
    assert names(found) == ["m", "y"]
    assert [t.name for t in found.tensors] == ["z"]
    (selection,) = found.selections
    assert (selection.source.name, selection.axes, selection.kind) == ("z", (1, 3), "max")
    assert found.conventions == (
        "largest_z[n,j,i,k] is 1 at the first largest z[n,j,i,k] over j,k, else 0; "
        "it is held fixed",
    )
    # what is computed has the axes of z in their order
    assert names(parse_program("m[i,n] = max[j] z[n,j,i]")) == ["max_z", "m"]
    found = parse_program("y[n] = 2 * min[j] (z[n,j] + b[j])")
    assert names(found) == ["z_plus_b", "min_z_plus_b", "y"]


def test_the_larger_of_two_shares_at_a_tie() -> None:
    """Each side is multiplied by a step of the difference; a constant 0 is left out."""
    assert lines("y[i] = max(a[i], b[])") == [
        "a_minus_b[i] = a[i] - b[]",
        "b_minus_a[i] = b[] - a[i]",
        "y[i] = heaviside(a_minus_b[i]) * a[i] + heaviside(b_minus_a[i]) * b[]",
    ]
    assert lines("y[i] = min(a[i], b[])")[2] == (
        "y[i] = heaviside(b_minus_a[i]) * a[i] + heaviside(a_minus_b[i]) * b[]"
    )
    assert lines("y[i] = max(x[i], 0)") == ["y[i] = heaviside(x[i]) * x[i]"]
    found = parse_program("y[i] = abs(x[i]) + max(x[i], 1)")
    assert found.conventions == (
        "heaviside(t) = (1 + sign(t))/2, heaviside(0) = 1/2, heaviside'(0) = 0",
        "abs'(0) = 0",
    )


@pytest.mark.parametrize(
    ("power", "last", "needed"),
    [
        ("-2", "reciprocal(x[i]) * reciprocal(x[i])", ("x[i] != 0",)),
        ("(-1)", "reciprocal(x[i])", ("x[i] != 0",)),
        ("(1/2)", "sqrt(x[i])", ("x[i] > 0",)),
        ("-0.5", "rsqrt(x[i])", ("x[i] > 0",)),
        ("(3/2)", "x[i] * sqrt(x[i])", ("x[i] > 0",)),
        ("(1/3)", "exp(exponent_of_x[i])", ("x[i] > 0",)),
        ("p", "exp(exponent_of_x[i])", ("x[i] > 0",)),
        ("p[]", "exp(exponent_of_x[i])", ("x[i] > 0",)),
        ("(2)", "x[i] * x[i]", ()),
    ],
)
def test_powers(power: str, last: str, needed: tuple[str, ...]) -> None:
    found = parse_program(f"y[i] = x[i]^{power}")
    assert found.text.split("; ")[-1] == f"y[i] = {last}"
    assert found.hypotheses == needed
    assert parse_program(found.text) == found


def test_products_of_sums_over_one_index() -> None:
    """Each sum runs over its own index, whose axis has the same size in both."""
    assert lines("y[] = (sum[i] x[i])^2") == [
        "sum_x[] = sum[i] x[i]",
        "y[] = sum_x[] * sum_x[]",
    ]
    found = parse_program("y[n] = (sum[i] x[n,i]) * (sum[i] w[i] * x[n,i])")
    assert names(found) == ["sum_w_times_x", "y"]
    assert {t.name: str(t.shape) for t in found.tensors} == {"w": "(I,)", "x": "(N, I)"}


def test_names_of_functions_of_entries_are_taken() -> None:
    """The tensor exp(x) has the name exp_x already."""
    assert names(parse_program("y[i] = tanh(exp(x[i]))")) == ["exp_of_x", "y"]


def test_a_product_is_linear_in_what_is_not_fixed() -> None:
    """The product itself is added 1 - J times, so that the value is right."""
    found = parse_program("y[n] = prod[j] x[n,j]")
    assert found.text == "y[n] = prod[j] x[n,j]"
    assert [t.name for t in found.tensors] == ["x"]
    assert found.output.definition is not None
    assert write(found.output.definition.body) == (
        "sum[j] others_x[n,j] * x[n,j] + (1 - J) * product_x[n]"
    )
    assert found.conventions == (
        "others_x[n,j] is the product of all x[n,j] over j but this one; it and their product are "
        "held fixed",
    )
    (one,) = parse_program("x[N,1]; y[n] = prod[j] x[n,j]").selections
    assert one.fixed is not None
    assert names(parse_program("x[P,3]; y[p] = x[p,0] * prod[k] (x[p,k] - w[k])")) == [
        *("x_minus_w", "prod_x_minus_w", "y"),
    ]


def test_windows_have_a_maximum() -> None:
    found = parse_program("u[P,3]; u[p,k] = x[2*p+k]; y[p] = max[k] u[p,k]")
    assert names(found) == ["u", "y"]
    assert parse_program(found.text) == found


def test_a_definition_may_be_that_of_an_operator() -> None:
    """The transpose of x keeps the name that it is given."""
    found = parse_program("m[i,n] = x[n,i]; y[i,n] = m[i,n] * m[n,i]")
    assert names(found) == ["m", "y"]
    assert parse_program(found.text) == found


def test_a_tensor_may_be_called_max() -> None:
    assert names(parse_program("max[i] = x[i] * x[i]; y[i] = max[i] + x[i]")) == ["max", "y"]


@pytest.mark.parametrize(
    ("text", "problem", "at", "cure"),
    [
        ("", "an empty text", "", "write a layer"),
        ("x[N]; w[M]", "a text without a definition", "", "write y[p]"),
        ("a[i] = b[i]; b[i] = a[i]", "b is used before it is defined", "b", "defined by each"),
        ("y[i] = a[i]; a[i] = x[i]", "a is used before it is defined", "a", "move"),
        ("h[t] = h[t-1] + x[t]", "h is defined by itself", "h", "a recurrence is not in the"),
        ("a[i] = x[i]; a[i] = x[i]; y[i] = a[i]", "a is defined twice", "a", "rename"),
        ("a[i] = x[i]; y[i] = x[i]", "a is defined but not used", "a", "drop it"),
        ("x[N]; x[N]; y[i] = x[i]", "x is declared twice", "x", "drop one"),
        ("x[N]; w[N]; y[i] = x[i]", "w is declared but not used", "w", "drop it"),
        ("f: function; y[i] = x[i]", "the function f is declared but not used", "f", "drop it"),
        ("y[i] = x[i]; w[N]", "a declaration after a definition", "w", "put declarations first"),
        ("a[i] = x[i]; y[j] = a[i]", "the index i is neither free nor summed", "i", "sum[i]"),
        ("a[i] = x[i]; y[i] = a[i,i]", "a is used with two ranks", "a", "same number"),
        ("a[i] = x[i]; y[a] = x[a]", "a is an index here, and a tensor in an", "a", "rename"),
        ("a[i] = s*x[i]; y[s] = a[s]", "s is an index here, and a parameter in", "s", "rename"),
        ("a[i] = grad_y[i]; y[i] = a[i]", "reserved for the gradient by y", "grad_y", "rename"),
        ("y[i] = exp()", "exp has no argument", ")", "write one"),
        ("y[i] = exp(x[i]+)", "unexpected token", ")", "write it"),
        ("y[i] = sort(x[i] + b[i])", "sort is sorting, which is out of the", "sort", "the order"),
        ("y[i] = argmax[j] x[i,j]", "argmax is a search, which is out of the", "argmax", "zeros"),
        ("y[] = det[i,j] A[i,j]", "det is linear algebra, which is out of", "det", "an operand"),
        ("y[i] = solve(A[i,j], b[j])", "solve is linear algebra", "solve", "before the layer"),
        ("y[i] = cumprod(x[i])", "cumprod is a recurrence, which is out of", "cumprod", "unroll"),
        ("y[] = dtw(x[i], z[i])", "dtw is dynamic programming, which is", "dtw", "before or after"),
        ("y[n,j] = softmax(x[n,j])", "softmax is a function of many", "softmax", "m[n] = max[j]"),
        ("y[n] = mean[j] x[n,j]", "mean over an index is not in", "mean", "sum[j] x[n,j] / J"),
        ("y[i] = prod[j] x[i]", "prod over j of what does not depend on j", "prod", "drop j"),
        ("y[i] = prod(x[i])", "prod is a function of many entries", "prod", "prod[i] x[i]"),
        ("y[i] = max[j] x[i]", "max over j of what does not depend on j", "max", "drop j"),
        ("y[i] = max[i] x[i]", "i is both summed and free", "i", "rename"),
        ("y[p] = max[k] x[2*p+k]", "a value for each k, but k has no size", "max", "u[P,K]"),
        ("y[i] = max(x[i])", "max of one argument", "max", "max(a[i], b[i])"),
        ("y[i] = min()", "unexpected token", ")", "write it"),
        ("y[i] = x[i]^0", "exponent", "0", "write 1"),
        ("y[i] = x[i]^(-9)", "exponent", "(", "a product of powers"),
        ("y[i] = x[i]^2^3", "a power of a power", "2", "parentheses"),
        ("y[i] = x[i]^", "unexpected token", "", "write it"),
        ("y[i] = x[i] / (x[i] + ", "unexpected token", "", ""),
        (
            "y[p] = sum[k] exp(x[p+k] + b[]) * [0 <= k < 3]",
            "the expression has a value for each k, but k has no size",
            "x[p+k] + b[]",
            "u[P,K]",
        ),
        (
            "a[K]; w[M]; y[p] = sum[k] exp(x[p] + a[k]) * w[k]",
            "k, but the index k has two sizes, M in w and K in a",
            "x[p] + a[k]",
            "u[P,K]",
        ),
    ],
)
def test_faulty_texts(text: str, problem: str, at: str, cure: str) -> None:
    with pytest.raises(NotationError) as caught:
        parse_program(text)
    said = str(caught.value)
    assert problem in said
    assert cure in said
    assert text[caught.value.at :].startswith(at)


@pytest.mark.parametrize("name", [n for n, cure in REDUCTIONS.items() if PROGRAM in cure])
def test_what_an_error_says_to_write_is_a_program(name: str) -> None:
    text = REDUCTIONS[name].removeprefix(PROGRAM).partition(", with")[0]
    found = parse_program(text)
    assert found.output.name == "y"
    assert {"x"} <= {t.name for t in found.tensors}


def test_sympy_equations_are_programs() -> None:
    """Ranges that are boxes are dropped; quotients, roots and functions of sums are read."""
    n, j, i, size = (sp.Symbol(v, integer=True) for v in ("n", "j", "i", "J"))
    x, m, e, y = map(sp.IndexedBase, "xmey")
    found = program(
        [
            sp.Eq(e[n, j], sp.exp(x[n, j] - m[n])),
            sp.Eq(y[n, j], e[n, j] / sp.sqrt(sp.Sum(e[n, i] ** 2, (i, 0, size - 1)))),
        ]
    )
    assert [t.name for t in found.tensors] == ["m", "x"]
    assert parse_program(found.text) == found
    assert "[0 <=" not in found.text
    assert "rsqrt(" in found.text
    assert len(found.hypotheses) == 1
    found = program([sp.Eq(y[n], x[n] ** sp.Rational(1, 3) * sp.Max(x[n], sp.Abs(e[n])))])
    assert parse_program(found.text) == found
    assert {"exp", "log", "abs", "heaviside"} == {
        a.function for t in found.definitions for a in applications(t)
    }
    with pytest.raises(TypeError, match="program: found Indexed, expected SymPy equations"):
        program([y[n]])


def test_lines_that_begin_no_definition_continue_the_line_before() -> None:
    text = "x[N]\nw[N]\na[i] = x[i]\n  * w[i]\n\ny[] = sum[i]\n  a[i]\n"
    assert names(parse_program(text)) == ["a", "y"]


def test_there_is_a_limit_on_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    most, _ = LIMITS["definitions"]
    assert most >= 64
    monkeypatch.setenv("ROT180_LIMITS", "definitions=2")
    assert len(parse_program("a[i] = x[i]; y[i] = a[i]").definitions) == 2
    with pytest.raises(NotationError, match="more than 2 definitions and"):
        parse_program("a[i] = x[i]; y[i] = exp(a[i] + b[i])")


def test_a_chain_in_which_all_is_used_twice_is_read_in_time() -> None:
    """Comparing two copies of it entry by entry would take 2^40 steps."""
    chain = [f"a{n}[i] = a{n - 1}[i] * a{n - 1}[i] + x[i]" for n in range(1, 40)]
    text = "; ".join(["a0[i] = x[i]", *chain])
    assert parse_program(text) == parse_program(text)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_by_name(name: str) -> None:
    """They are what their texts define, and no layer has the name of one."""
    found = read(name)
    assert isinstance(found, Program)
    assert found.name == name
    assert found == program(PROGRAMS[name])
    assert name not in catalogue()
    with pytest.raises(ValueError, match=f"found '{name}', a program of several definitions"):
        layer(name)
