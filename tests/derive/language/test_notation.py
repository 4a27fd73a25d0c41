"""The notation: the meaning of texts, and faulty texts."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rot180.derive.language.layers import catalogue, layer
from rot180.derive.language.notation import (
    Layer,
    NotationError,
    make_layer,
    parse_expression,
    parse_layer,
)
from rot180.derive.language.operators import activation
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import (
    Apply,
    Expression,
    define,
    tensor,
    term,
)

CONV2D = "y[n,o,p,q] = sum[c,k,l] x[n,c,s*p+d*k-lo,t*q+e*l-lp] * w[o,c,k,l] + bias[o]"


def boxes(text: str) -> str:
    """Return the shapes of the output and the operands as text."""
    found = parse_layer(text)
    return "; ".join(
        f"{t.name}[{','.join(map(str, t.shape))}]" for t in (found.output, *found.tensors)
    )


def body(text: str) -> Expression:
    """Return the terms of a layer."""
    definition = parse_layer(text).output.definition
    assert definition is not None
    return definition.body


def test_indices_that_address_one_axis_share_its_size() -> None:
    """``A[i,j] + A[j,i]`` is of a square; declared sizes are left as they are."""
    assert boxes("y[i,j] = A[i,j] + A[j,i]") == "y[I,I]; A[I,I]"
    assert boxes("y[i] = sum[k] A[i,k]*A[k,i] + 5") == "y[I]; A[I,I]"
    assert boxes("y[a,b,c] = A[a,b] + A[b,c]") == "y[B,B,B]; A[B,B]"
    assert boxes("A[N,N]; y[i,j] = A[i,j] + A[j,i]") == "y[N,N]; A[N,N]"
    assert boxes("y[N,M]; y[i,j] = A[i,j] + A[j,i]") == "y[N,M]; A[N,M]"
    assert boxes("y[i,j] = x[i]*w[j]") == "y[I,J]; x[I]; w[J]"


def test_conv2d_is_read_as_terms() -> None:
    found = parse_layer(CONV2D)
    p, q, k, l_, c, n, o = map(symbol, ("p", "q", "k", "l", "c", "n", "o"))
    s, d, lo, t, e, lp = map(symbol, ("s", "d", "lo", "t", "e", "lp"))
    x, w = tensor("x", "N", "C", "H", "V"), tensor("w", "O", "C", "K", "L")
    bias = tensor("bias", "O")
    expected = (
        term(x[n, c, s * p + d * k - lo, t * q + e * l_ - lp], w[o, c, k, l_], over=(c, k, l_)),
        term(bias[o]),
    )
    shape = tuple(map(symbol, "NOPQ"))
    assert found.output == define("y", shape, (n, o, p, q), expected)
    assert found.tensors == (x, w, bias)
    assert found.parameters == (s, d, lo, t, e, lp)
    assert found.text == CONV2D == str(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y[p] = sum[k] x[p+k] * w[k]", "y[P]; x[H]; w[K]"),
        ("y[p] = sum[k] x[p+k] * x[k]", "y[P]; x[K]"),
        ("y[p] = sum[k] x[2*p-3*k+1] * w[k]", "y[P]; x[H]; w[K]"),
        ("y[h] = sum[k] x[h+k] * w[k]", "y[H]; x[V]; w[K]"),
        ("y[h,v,u] = x[h+v] * w[v+u] * z[u+h]", "y[H,V,U]; x[H1]; w[H2]; z[H3]"),
        ("y[p] = sum[k] x[p+k] * K[k]", "y[P]; x[H]; K[V]"),
        ("y[P] = sum[k] x[P+k] * w[k]", "y[H]; x[V]; w[K]"),
        ("y[k] = w[K-1-k]", "y[K]; w[H]"),
        ("x[N,M]; y[i,j] = sum[k] x[i,k] * w[k,j]", "y[N,J]; x[N,M]; w[M,J]"),
        ("w[O,C,3]; y[o,p] = sum[c,k] x[c,p+k] * w[o,c,k]", "y[O,P]; x[C,H]; w[O,C,3]"),
        ("y[] = sum[p] x[p] * z[p]", "y[]; x[P]; z[P]"),
        ("y[p] = b[] + x[p]", "y[P]; b[]; x[P]"),
        ("y[k1,kA] = x[k1,kA]", "y[K1,KA]; x[K1,KA]"),
        ("y[ab] = sum[aB] x[ab] * w[aB]", "y[AB]; x[AB]; w[H]"),
    ],
)
def test_sizes_are_named_by_the_rule(text: str, expected: str) -> None:
    assert boxes(text) == expected


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("y[p]=sum[k]x[k*d+p*s-lo]*w[k]", "y[p] = sum[k] x[s*p+d*k-lo] * w[k]"),
        ("y[p] = x[p] - 2*z[p] / 4", "y[p] = x[p] - 1/2 * z[p]"),
        ("y[p] = -x[p]", "y[p] = -x[p]"),
        ("y[p] = - -x[p]", "y[p] = x[p]"),
        ("y[p] = x[p]*-a", "y[p] = -a * x[p]"),
        ("y[p] = sum[k] (a[k]*b[k] + c[k])*x[p]",
         "y[p] = sum[k] a[k] * b[k] * x[p] + sum[k] c[k] * x[p]"),
        ("y[p] = (x[p] + z[p])^2",
         "y[p] = x[p] * x[p] + 2 * x[p] * z[p] + z[p] * z[p]"),
        ("y[p] = (a*x[p] + z[p])^3",
         "y[p] = a^3 * x[p] * x[p] * x[p] + 3*a^2 * x[p] * x[p] * z[p] "
         "+ 3*a * x[p] * z[p] * z[p] + z[p] * z[p] * z[p]"),
        ("y[p] = (a + b) * (x[p] + z[p])",
         "y[p] = a * x[p] + a * z[p] + b * x[p] + b * z[p]"),
        ("y[p] = (x[p] + z[p]) * (x[p] - z[p])", "y[p] = x[p] * x[p] - z[p] * z[p]"),
        ("y[p] = x[p] * z[p] + z[p] * x[p]", "y[p] = x[p] * z[p] + z[p] * x[p]"),
        ("y[p] = x[p] * sum[k] w[k] + z[p]", "y[p] = sum[k] x[p] * w[k] + z[p]"),
        ("y[t] = sum[p] [t == s*p + 1] * x[p]", "y[t] = sum[p] [t == s*p + 1] * x[p]"),
        ("y[p] = sum[k] [1 <= k <= 3] * x[p-k]", "y[p] = sum[k] [0 <= k - 1 < 3] * x[p-k]"),
        ("y[p] = sum[k] [0 < k < n] * x[p-k]", "y[p] = sum[k] [0 <= k - 1 < n - 1] * x[p-k]"),
        ("y[p] = sum[k] [p <= k < p+r] * x[k]", "y[p] = sum[k] [0 <= k - p < r] * x[k]"),
        ("sigma:function;y[p]=sum[k]sigma(z[p-k])*w[k]",
         "sigma: function; y[p] = sum[k] sigma(z[p-k]) * w[k]"),
        ("sigma: function; y[p] = sigma''(z[p])", "sigma: function; y[p] = sigma''(z[p])"),
        ("x[N]; g: function; f: function; y[p] = f(x[p]) * g(x[p])",
         "f: function; g: function; x[N]; y[N]; y[p] = f(x[p]) * g(x[p])"),
        ("y[p] = relu(x[p]) + exp'(x[p])", "y[p] = relu(x[p]) + exp'(x[p])"),
        ("y[p] = 0.5*x[p] - 1e-3*z[p]*2.5e1", "y[p] = 1/2 * x[p] - 1/40 * z[p]"),
        ("y[p] = .25*x[p] + 3.*z[p] + 1E3", "y[p] = 1/4 * x[p] + 3 * z[p] + 1000"),
        ("y[p] = x[p]/0.5", "y[p] = 2 * x[p]"),
        ("y[p] = x[p] * [p != p + 1]", "y[p] = x[p]"),
        ("y[p] = 5", "y[p] = 5"),
        ("y[p] = alpha*[p < 3]", "y[p] = alpha * [0 <= p < 3]"),
        ("y[p] = x[p] + [p == 0]", "y[p] = x[p] + [p == 0]"),
        ("y[p] = x[2*(p+1)] * 3", "y[p] = 3 * x[2*p+2]"),
        ("y[p] = x[s*s*p]", "y[p] = x[s^2*p]"),
        ("y[p] = x[p,0+s]", "y[p] = x[p,s+0]"),
        ("x[N]; y[P]; y[p] = x[p]", "x[N]; y[P]; y[p] = x[p]"),
        ("y[P]; x[P];\n y[p] = x[p]", "y[p] = x[p]"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    found = parse_layer(text)
    assert found.text == canonical
    assert parse_layer(canonical) == found


def test_an_activation_is_a_defined_tensor_with_the_box_of_its_argument() -> None:
    z, i, p, k = tensor("z", "H"), symbol("i"), symbol("p"), symbol("k")
    sigma = define("sigma_z", z.shape, (i,), (term(Apply("sigma", 0, z[i])),))
    assert activation("sigma", 0, z) == sigma
    assert body("sigma: function; y[p] = sum[k] sigma(z[p-k]) * w[k]")[0].factors[0] == sigma[p - k]
    text = "sigma: function; y[p] = sum[k] sigma(z[p-k]) * w[k]"
    assert parse_layer(text).tensors[0] == z


def test_parameters_include_coefficients_and_bounds_but_no_sizes() -> None:
    found = parse_layer("y[p] = a * sum[k] [0 <= k - b < r] * x[p+K-k] * w[k]")
    assert [v.name for v in found.parameters] == ["a", "b", "r"]


def test_equal_up_to_the_name() -> None:
    assert layer("conv2d") == parse_layer(CONV2D)
    assert layer("conv2d").name == "conv2d"
    assert parse_layer(CONV2D).name == ""


FAULTS = [
    # text, problem, the text above the carets
    ("y[p] = x[p] @ w[p]", "unknown token", "@"),
    ("y[p] = x[p] § w[p]", "unknown token", "§"),
    ("y[p] = _x[p]", "unknown token", "_x"),
    ("y[p] = x[p", "unbalanced bracket", ""),
    ("y[p] = x[p]]", "unbalanced bracket", "]"),
    ("y[p] = (x[p]", "unbalanced bracket", ""),
    ("y[p = x[p]", "unbalanced bracket", "="),
    ("y[p] = sum[k x[p+k]", "unexpected token", "x"),
    ("y[p] = x[j]", "neither free nor summed", "j"),
    ("y[p] = sum[k] x[p+k] * w[k] + w[k]", "neither free nor summed here", "k"),
    ("y[p] = (sum[k] w[k]) * x[p+k]", "neither free nor summed here", "k"),
    ("x[p]; y[p] = x[p]", "names a size and an index", "p"),
    ("x[k]; y[p] = sum[k] x[k] * z[p]", "names a size and an index", "k"),
    ("y[p] = x[p] * x[p,p]", "used with two ranks", "x"),
    ("x[N]; y[p,q] = x[p,q]", "used with two ranks", "x"),
    ("y[N]; y[p,q] = x[p,q]", "used with two ranks", "y"),
    ("y[p] = sum[k] x[p*k]", "not affine in p, k", "p*k"),
    ("y[p] = x[p*p]", "not affine in p", "p*p"),
    ("y[p] = x[p^2+1]", "not affine in p", "p^2+1"),
    ("y[p] = sum[p] x[p]", "both summed and free", "p"),
    ("y[p] = sum[k] w[k] * sum[k] x[p+k]", "summed twice", "k"),
    ("y[p] = (sum[k] w[k]) * (sum[k] x[p+k])", "two sums over k", "*"),
    ("y[p,p] = x[p]", "repeated", "p"),
    ("y[2*p] = x[p]", "not a single name", "2*p"),
    ("y[p+1] = x[p]", "not a single name", "p+1"),
    ("y[0] = x[0]", "not a single name", "0"),
    ("y[p] = sum[k] x[p]", "unbounded", "k"),
    ("y[p] = sum[i,k] x[s*i+d*k]", "unbounded", "i"),
    ("y[p] = sum[k] (x[p+k] + b[])", "unbounded", "k"),
    ("y[p] = sum[k] b[]", "unbounded", "k"),
    ("", "an empty text", ""),
    ("   \n ", "an empty text", ""),
    ("y[p] =", "an empty expression", ""),
    ("y[p]", "unexpected token", ""),
    ("x[N];", "unexpected token", ""),
    ("y[p] = x[p] * x", "names a tensor and a parameter", "x"),
    ("y[p] = p[p]", "names a tensor and an index", "p"),
    ("y[p] = x[p] * p", "the index p is a factor", "p"),
    ("x[w]; y[p] = x[p] * w[p]", "names a tensor and a size", "w"),
    ("sigma: function; y[p] = sigma(z[p]) * sigma[p]", "a function and a tensor", "sigma"),
    ("y[p] = y[p-1]", "the output is used on the right", "y"),
    ("y[p] = grad_y[p]", "reserved for the gradient", "grad_y"),
    ("y[p] = 0 * x[p]", "a term is zero", "0"),
    ("y[p] = x[3.5*p]", "number literal", "3.5"),
    ("y[p] = x[p]^1.5", "exponent", "1.5"),
    ("y[p] = x[2e1*p]", "number literal", "2e1"),
    ("y[p] = 1e99 * x[p]", "number literal", "1e99"),
    ("y[p] = 1e-999999999 * x[p]", "number literal", "1e-999999999"),
    ("y[p] = 0.1234567890123456 * x[p]", "number literal", "0.1234567890123456"),
    ("y[p] = 2x[p]", "number literal", "x"),
    ("y[p] = 1234567890123456 * x[p]", "number literal", "1234567890123456"),
    ("y[p] = x[p] / 0", "division", "0"),
    ("y[p] = x[p] / a", "division", "a"),
    ("y[p] = x[p/2]", "a division in an index", "/"),
    ("y[p] = x[p] ^ 0", "exponent", "0"),
    ("y[p] = x[p] ^ 1000000", "exponent", "1000000"),
    ("y[p] = lambda * x[p]", "reserved word", "lambda"),
    ("y[if] = x[if]", "reserved word", "if"),
    ("y[p] = sum(x[p])", "a function of many entries", "sum"),
    ("y[p] = sum[] x[p]", "unexpected token", "]"),
    ("y[p] = sum[k,k] x[p+k]", "summed twice", "k"),
    ("y[p] = sum[k+1] x[p+k]", "unexpected token", "+"),
    ("y[p] = x'[p]", "a prime on a name", "x'"),
    ("y[p] = tanh(z)", "not a tensor entry", "z"),
    ("y[p] = tanh(z[p] + 1)", "not a tensor entry", "+"),
    ("y[p] = tanh(sum[k] z[k])", "not a tensor entry", "sum"),
    ("y[p] = tanh", "a function without its argument", "tanh"),
    ("y[p] = tanh x[p]", "a function without its argument", "tanh"),
    ("y[p] = x[floor(p)]", "a function inside an index", "floor"),
    ("y[p] = [p < 0] * x[p]", "is never true, so the term is zero", "["),
    ("y[p] = x[p] + [p == p + 1]", "is never true, so the term is zero", "["),
    ("y[p] = 2 * [p + 1 <= p] * x[p]", "is never true, so the term is zero", "2"),
    ("y[p] = x[p];", "unexpected token", ";"),
    ("y[p] = x[p]\ny[q] = x[q]", "two factors without a sign", "y"),
    ("y[,p] = x[p]", "an axis without a name", ","),
    ("y = x[p]", "unexpected token", "="),
    ("y[p] == x[p]", "unexpected token", "=="),
    ("y[p] = [0 <= p <= ]", "unexpected token", "]"),
    ("y[p] = sum[k=0] x[p+k]", "unexpected token", "="),
    ("y[p] = tanh(tau(z[p]))", "not a tensor entry", "tau"),
    ("y[p] = sigma(z[p])", "the function sigma is not declared", "sigma"),
    ("y[p] = sigma'(z[p])", "the function sigma is not declared", "sigma'"),
    ("y[p] = softmax(z[p])", "a function of many entries", "softmax"),
    ("y[p] = max(z[p])", "a function of many entries", "max"),
    ("y[p] = rot180(z[p])", "an operator on tensors", "rot180"),
    ("sort: function; y[p] = sort(z[p])", "sorting, which is out of the language", "sort"),
    ("det: function; y[] = det(z[])", "linear algebra, which is out of the language", "det"),
    ("relu: function; y[p] = relu(z[p])", "the function relu is known", "relu"),
    ("f: function; f: function; y[p] = f(z[p])", "declared twice", "f"),
    ("f: function; y[p] = z[p]", "declared but not used", "f"),
    ("f: functions; y[p] = f(z[p])", "unexpected token", "functions"),
    ("f: function y[p] = f(z[p])", "unexpected token", "y"),
    ("f[p]: function; y[p] = f(z[p])", "unexpected token", ":"),
    ("sum: function; y[p] = sum(z[p])", "reserved word", "sum"),
    ("y[p] = x[w[p]]", "a tensor entry inside an index", "w"),
    ("y[p] = x[p // 0]", "a division by what is no positive number", "0"),
    ("y[p] = x[p % (1-2)]", "a division by what is no positive number", "(1-2)"),
    ("y[p,q] = x[p // q]", "a division by what is no positive number", "q"),
    ("y[p] = x[(p // 2) * p]", "not affine in p, q", "(p // 2) * p"),
    ("y[p] = x[p] // 2", "unexpected token", "//"),
    ("y[p] = x[p] % 2", "unexpected token", "%"),
    ("y[p] = x[circular(p) + 1]", "unexpected token", "+"),
    ("y[p] = x[1 + circular(p)]", "a function inside an index", "circular"),
    ("y[p] = x[reflect(p]", "unbalanced bracket", "]"),
    ("x[N // 2]; y[p] = x[p]", "a size is a name or a number", "N // 2"),
    ("y[p] = sum[k] x[replicate(p*p+k)]", "not affine in p", "p*p+k"),
    ("y[p] = [p] * x[p]", "states an equation or a range", "]"),
    ("y[p] = [0 < p > 3] * x[p]", "states an equation or a range", "0 < p > 3"),
    ("y[p] = [p == 3 == p] * x[p]", "states an equation or a range", "p == 3 == p"),
    ("y[p] = [0 < p < 3 < 4] * x[p]", "states an equation or a range", "0 < p < 3 < 4"),
    ("y[p] = [p < s*p] * x[p]", "nothing bounds the other side", "p < s*p"),
    ("y[p] = sum[k] [k < p] * w[m*k] * x[p]", "nothing bounds the other side", "k < p"),
    ("y[p] = [p = 3] * x[p]", "states an equation or a range", "="),
    ("y[p] = x[p] x[p]", "two factors without a sign", "x"),
    ("y[p] = 2 x[p]", "two factors without a sign", "x"),
    ("y[p] = x[p] 2", "two factors without a sign", "2"),
    ("y[p] = x[p] [p == 2]", "two factors without a sign", "["),
    ("y[p] = (x[p]) (w[p])", "two factors without a sign", "("),
    ("y[p] = x[p] \u2264 2", "unknown token", "\u2264"),
    ("x[2*N]; y[p] = x[p]", "a size is a name or a number", "2*N"),
    ("x[N]; x[N]; y[p] = x[p]", "declared twice", "x"),
    ("z[N]; y[p] = x[p]", "declared but not used", "z"),
    ("y[p] = " + "(" * 40 + "x[p]", "nested more than", "("),
    ("y[p] = (a+b+c+e+f)^8 * x[p]", "more than 200 terms", "a"),
    ("y[p] = x[p]" + " * x[p]" * 64, "more than 64 factors", "x"),
    ("y[p] = x[((a+b+c+d)^8)^8]", "a polynomial is too large", "("),
    ("y[p] = " + "x[p] + " * 1427 + "123456", "longer than 10000 characters", "5"),
]


@pytest.mark.parametrize(("text", "problem", "under"), FAULTS)
def test_a_fault_is_named_with_a_caret_under_it(text: str, problem: str, under: str) -> None:
    with pytest.raises(NotationError) as caught:
        parse_layer(text)
    lines = str(caught.value).split("\n")
    assert problem in lines[0]
    assert lines[-1].startswith("cure: ")
    shown, carets = lines[1], lines[2]
    at = carets.index("^")
    assert set(carets[at:]) == {"^"}
    if under:
        assert shown[at : at + len(carets) - at] == under[: len(carets) - at]
        assert f"found: {under!r}" in lines
    else:
        assert shown[at:].strip() == ""
        assert "found: the end of the text" in lines


def test_the_cure_is_named() -> None:
    with pytest.raises(NotationError, match=r"did you mean sum\[j\]\?"):
        parse_layer("y[p] = x[j]")
    with pytest.raises(NotationError, match=r"cure: drop k from the sum"):
        parse_layer("y[p] = sum[k] x[p]")
    for text, cure in (
        ("y[p] = 2 x[p]", r"write 2\*x"),
        ("y[p] = x[p]·w[p]", r"write \*"),
        ("y[p] = sigmoi(x[p])", r"did you mean sigmoid\? If not, declare it in front: sigmoi: "),
        ("y[p] = sigma(x[p])", r"declare it in front: sigma: function; \.\.\."),
        ("y[p] = max(x[p])", r"for relu, write relu\(x\[i\]\)"),
        ("y[p] = cumsum(x[p])", r"write y\[i\] = sum\[j\] \[j <= i\] \* x\[j\]"),
        ("y[p] = sum(x[p])", r"write sum\[i\] x\[i\]"),
        ("y[p] = x(p)", r"for an entry, write x\[\.\.\.\]; for a function, declare it in front"),
        ("y[p] = sum_k x[k]", r"write sum\[k\] x"),
        ("y[p] = sum[] x[p]", r"write sum\[k\], or drop the sum"),
        ("y[p] = sum[k<3] x[k]", r"name the index alone, and add its limits: sum\[k\] \[0 <= k"),
        ("y[p] = x[p][p]", r"write \* between them, or one bracket"),
        ("y[p] = x[p] if p < 3", r"write a condition as a bracket"),
        ("y[p] = x[p]/w[p]", r"write x\[p\] \* reciprocal\(w\[p\]\)"),
        ("y[p] = x[p]^2.5", r"write a product"),
        ("y[p] == x[p]", r"write y\[\.\.\.\] = "),
        ("y[p] = [p < s*p] * x[p]", r"write both sides, such as \[0 <= s\*p - 1 - p < n\]"),
    ):
        with pytest.raises(NotationError, match=rf"cure: {cure}"):
            parse_layer(text)


def test_the_caret_is_in_the_right_line() -> None:
    with pytest.raises(NotationError) as caught:
        parse_layer("x[N];\ty[p] =\n\t  x[p] @ 2")
    assert str(caught.value).split("\n")[1:3] == ["     x[p] @ 2", "          ^"]


NAMES = st.sampled_from(["x", "w", "z", "y", "n", "p", "k", "s", "K", "sum", "tanh", "grad_y"])
PIECES = st.one_of(
    NAMES,
    st.sampled_from([*"[](),;:=+-*/^<>.'07", "==", "<=", ">=", "!=", " ", "1e-3", "f: function;"]),
    st.sampled_from(["f(", "[k<p]", "[p>=2]", "[p != 1]", "sum[k]", "x[p]", "w[k]"]),
    st.characters(),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join), st.booleans())
@example("y[p] = " + "-" * 200 + "x[p]", False)
@example("y[p] = x[" + "-" * 200 + "p]", False)
@example("y[p] = x[" + "(" * 200 + "p]", False)
@example("y[p]=x[p]" + "/999999999999999" * 300, False)
@example("y[p]=x[99999999999^8^8]", False)
@example("y[p]=x[(99999999999^8)^8]", False)
@example("y[p]=((((a+1)^2)^2)^2)^2*x[p]", False)
def test_any_text_gives_a_layer_or_a_notation_error(text: str, headed: bool) -> None:
    try:
        found = parse_layer("y[p] = " + text if headed else text)
    except NotationError as error:
        assert "^" in str(error).split("\n")[2]
        assert "\ncure: " in str(error)
    else:
        assert parse_layer(found.text) == found


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([*catalogue().values(), *(text for text, _, _ in FAULTS)]),
    st.integers(0, 120),
    st.integers(0, 4),
    st.lists(PIECES, max_size=3).map("".join),
)
def test_any_slip_gives_a_layer_or_a_notation_error(
    text: str, at: int, drop: int, insert: str
) -> None:
    at = min(at, len(text))
    try:
        found = parse_layer(text[:at] + insert + text[at + drop :])
    except NotationError as error:
        assert "^" in str(error)
        assert "\ncure: " in str(error)
    else:
        assert parse_layer(found.text) == found


def test_expressions_of_given_tensors() -> None:
    h, k = symbol("h"), symbol("k")
    x = tensor("x", "M")
    found = parse_expression("sum[k] x[h+k] * w[k]", (x,), (h,))
    assert found == (term(x[h + k], tensor("w", "K")[k], over=(k,)),)
    with pytest.raises(NotationError, match="two ranks"):
        parse_expression("x[h,h]", (x,), (h,))
    with pytest.raises(NotationError, match="empty"):
        parse_expression("")


def test_a_layer_is_made_of_a_definition_only() -> None:
    with pytest.raises(ValueError, match="no definition"):
        make_layer(tensor("y", "P"))
    assert isinstance(layer("linear"), Layer)


def test_one_name_is_not_given_to_two_tensors() -> None:
    """sigma(z) is named sigma_z: a text cannot also call something else that."""
    with pytest.raises(NotationError, match=r"sigma_z names two tensors: sigma\(z\) also gets"):
        parse_layer("sigma: function; y[i] = sigma(z[i]) * sigma_z[i]")
    with pytest.raises(NotationError, match="f_prime_z names two tensors"):
        parse_layer("f: function; f_prime: function; y[i] = f'(z[i]) * f_prime(z[i])")
    z = tensor("z", "H")
    known = (activation("sigma", 0, z),)
    i = symbol("i")
    found = parse_expression("sigma(z[i])", (*known, z), (i,), functions=("sigma",))
    assert found == (term(known[0][i]),)
    with pytest.raises(NotationError, match="sigma_z names two tensors"):
        parse_expression("sigma_z[i]", known, (i,))
    with pytest.raises(NotationError, match="rot180 is an operator on tensors"):
        parse_layer("y[i] = rot180(z[i])")
