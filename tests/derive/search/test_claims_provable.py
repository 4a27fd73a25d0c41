"""Claims as people type them: sums split into ranges and remainders, second derivatives.

Each is proved, and replayed by the kernel; its false neighbours (an offset, a hypothesis dropped)
are not. Times are printed: ``pytest -s``.
"""

from __future__ import annotations

import time

import pytest

from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel.replay import replay
from rot180.derive.language.notation import NotationError, parse_expression, parse_layer, write
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import tensors
from rot180.derive.search.derivation import NotProvedError
from rot180.derive.search.prove import prove
from rot180.derive.semantics.claims import judge, parse_claim

DIGITS = "*[0 <= a < s]*[0 <= b < s]*[0 <= i < s]*[0 <= j < s]"
BLOCKS = (
    "e < E, h < H, w < W: sum[c,i,j,d,a,b,g,k] x[s*s*d+s*i+j,g,k]*[c == d]*[s*h+a == s*g+i]"
    f"*[s*w+b == s*k+j]*[e == s*s*c+s*a+b]{DIGITS} = x[e,h,w]"
)
TO_SPACE = (
    "x[s*s*C,H,W]; y[C,s*H,s*W];"
    " y[c,t,u] = sum[h,w,i,j] x[s*s*c+s*i+j,h,w]*[t == s*h+i]*[u == s*w+j]"
    "*[0 <= i < s]*[0 <= j < s];"
)
TO_DEPTH = (
    "y[C,s*H,s*W]; x[s*s*C,H,W]; x[e,h,w] = sum[c,i,j] y[c,s*h+i,s*w+j]"
    "*[e == s*s*c+s*i+j]*[0 <= i < s]*[0 <= j < s];"
)
POSITIVE, SQUARE = " if s >= 1", " if s >= 1, s*s >= 1"

CLAIMS = {
    "joined ranges": (
        "sum[k] x[k]*[0 <= k < A+B] = sum[k] x[k]*[0 <= k < A] + sum[k] x[k+A]*[0 <= k < B]"
        " if A >= 0, B >= 0"
    ),
    "joined ranges, not moved": (
        "sum[k] x[k]*[0 <= k < A+B] = sum[k] x[k]*[0 <= k < A] + sum[k] x[k]*[A <= k < A+B]"
        " if A >= 0, B >= 0"
    ),
    "joined ranges, from c": (
        "sum[k] x[k]*[c <= k < c+A+B] = sum[k] x[k]*[c <= k < c+A] + sum[k] x[k+A]*[c <= k < c+B]"
        " if A >= 0, B >= 0"
    ),
    "three ranges": (
        "sum[k] x[k]*[0 <= k < A+B+C] = sum[k] x[k]*[0 <= k < A] + sum[k] x[k+A]*[0 <= k < B]"
        " + sum[k] x[k+A+B]*[0 <= k < C] if A >= 0, B >= 0, C >= 0"
    ),
    "ranges cut on both sides": (
        "sum[k] x[k]*[0 <= k < A+B] + sum[k] x[k]*[A+B <= k < A+B+C] = "
        "sum[k] x[k]*[0 <= k < A] + sum[k] x[k+A]*[0 <= k < B+C] if A >= 0, B >= 0, C >= 0"
    ),
    "a box in two": (
        "x[A+B]; sum[k] x[k] = sum[k] x[k]*[0 <= k < A] + sum[k] x[k+A]*[0 <= k < B]"
        " if A >= 0, B >= 0"
    ),
    "parity": "sum[k] x[k] = sum[k] x[2*k] + sum[k] x[2*k+1]",
    "parity, then again": "sum[k] x[k] = sum[k] x[4*k] + sum[k] x[2*k+1] + sum[k] x[4*k+2]",
    "parity of two axes": (
        "sum[i,j] x[i,j] = sum[i,j] x[2*i,2*j] + sum[i,j] x[2*i+1,2*j]"
        " + sum[i,j] x[2*i,2*j+1] + sum[i,j] x[2*i+1,2*j+1]"
    ),
    "like terms": "sum[k] x[k] + sum[j] x[j] = 2*sum[k] x[k]",
    "polyphase by 2": (
        "p < P: sum[k] x[2*p+k]*w[k]"
        " = sum[k] x[2*p+2*k]*w[2*k] + sum[k] x[2*p+2*k+1]*w[2*k+1]"
    ),
    "polyphase by 3": (
        "p < P: sum[k] x[3*p+k]*w[k] = sum[k] x[3*p+3*k]*w[3*k]"
        " + sum[k] x[3*p+3*k+1]*w[3*k+1] + sum[k] x[3*p+3*k+2]*w[3*k+2]"
    ),
    "polyphase by s": (
        "p < P: sum[k] x[s*p+k]*w[k] = sum[r,q] x[s*p+s*q+r]*w[s*q+r]*[0 <= r < s] if s >= 1"
    ),
    "polyphase by s, read from the right": (
        "p < P: sum[r,q] x[s*p+s*q+r]*w[s*q+r]*[0 <= r < s] = sum[k] x[s*p+k]*w[k] if s >= 1"
    ),
    "one quotient, one remainder": (
        "q, r: sum[a,b] x[a,b]*[s*q+r == s*a+b]*[0 <= b < s]*[0 <= r < s]"
        " = x[q,r]*[0 <= r < s]"
    ),
    "the same quotient twice": (
        "n < N: sum[q,r,a,b] x[q,r]*z[a]*[n == s*q+r]*[0 <= r < s]*[n == s*a+b]*[0 <= b < s]"
        " = sum[q,r] x[q,r]*z[q]*[n == s*q+r]*[0 <= r < s] if s >= 1"
    ),
    "split and merged": "t: sum[a,b] y[s*a+b]*[t == s*a+b]*[0 <= b < s] = y[t] if s >= 1",
    "depth to space and back": BLOCKS + SQUARE,
    "space to depth of depth to space": (
        TO_SPACE + " e < s*s*C, h < H, w < W: sum[c,i,j] y[c,s*h+i,s*w+j]*[e == s*s*c+s*i+j]"
        "*[0 <= i < s]*[0 <= j < s] = x[e,h,w]" + SQUARE
    ),
    "depth to space of space to depth": (
        TO_DEPTH + " c < C, t < s*H, u < s*W: sum[h,w,i,j] x[s*s*c+s*i+j,h,w]*[t == s*h+i]"
        "*[u == s*w+j]*[0 <= i < s]*[0 <= j < s] = y[c,t,u]" + SQUARE
    ),
    "blocks with axes of their own": (
        "x[C,s,s,H,W]; y[C,s*H,s*W]; y[c,t,u] = sum[g,k,i,j] x[c,i,j,g,k]*[t == s*g+i]"
        "*[u == s*k+j]; c < C, a < s, b < s, h < H, w < W: y[c,s*h+a,s*w+b] = x[c,a,b,h,w]"
        " if s >= 1"
    ),
    "nested floors": (
        "p, r: sum[q] F[r]*[0 <= p-m*q < m]*[0 <= q-n*r < n] = F[r]*[0 <= p-m*n*r < m*n]"
        " if m >= 1, n >= 1"
    ),
    "nested floors, summed": (
        "p: sum[q,r] F[r]*[0 <= p-m*q < m]*[0 <= q-n*r < n] = sum[r] F[r]*[0 <= p-m*n*r < m*n]"
        " if m >= 1, n >= 1"
    ),
    "three nested floors": (
        "p: sum[a,b,c] F[c]*[0 <= p-l*a < l]*[0 <= a-m*b < m]*[0 <= b-n*c < n]"
        " = sum[c] F[c]*[0 <= p-l*m*n*c < l*m*n] if l >= 1, m >= 1, n >= 1"
    ),
    "a common factor": "q, k, j: [s*(q+k) == s*j] = [q+k == j] if s >= 1",
    "a common factor in a sum": (
        "j: sum[q,k] x[q]*w[k]*[s*(q+k) == s*j] = sum[q,k] x[q]*w[k]*[q+k == j] if s >= 1"
    ),
    "a common factor, carried out": (
        "j: sum[q,k] x[q]*w[k]*[s*(q+k) == s*j] = sum[q] x[q]*w[j-q] if s >= 1"
    ),
    "Hessian of a square": "i < N, j < N: d(d(sum[k] x[k]*x[k])/d x[i])/d x[j] = 2*[i == j]",
    "Hessian of a square, named": (
        "L[] = sum[i] x[i]*x[i]; i < N, j < N: d d L[]/d x[i]/d x[j] = 2*[i == j]"
    ),
    "derivative of a gradient": (
        "L[] = sum[i] x[i]*x[i]; G[i] = d L[]/d x[i]; i < N, j < N: d G[i]/d x[j] = 2*[i == j]"
    ),
    "Hessian of a form": (
        "i < N, j < N: d(d(sum[k,l] x[k]*A[k,l]*x[l])/d x[i])/d x[j] = A[i,j] + A[j,i]"
    ),
    "Hessian of a function": (
        "f: function; i < N, j < N: d(d(sum[k] f(x[k]))/d x[i])/d x[j] = f''(x[i])*[i == j]"
    ),
    "double backward": (
        "x[H]; y[p] = sum[k] x[p+k]*w[k]; L[] = sum[p] g[p]*y[p];"
        " h < H, k < K: d d L[]/d x[h]/d w[k] = g[h-k]"
    ),
    "third derivative": (
        "i < N, j < N, l < N: d(d(d(sum[k] x[k]*x[k]*x[k])/d x[i])/d x[j])/d x[l]"
        " = 6*[i == j]*[i == l]"
    ),
    "derivative of a number": "i < N: d(5)/d x[i] = 0",
}

FALSE = {
    "joined ranges": [("k+A", "k+A+1"), (", B >= 0", ""), ("k < B]", "k <= B]")],
    "joined ranges, not moved": [("[A <= k", "[A < k"), (", B >= 0", "")],
    "joined ranges, from c": [("A >= 0, ", ""), (", B >= 0", ""), ("c+B]", "B]")],
    "three ranges": [("k+A+B", "k+B"), (", C >= 0", "")],
    "ranges cut on both sides": [("B+C]", "C]"), ("B >= 0, ", "")],
    "a box in two": [("A+B]", "A+B+1]"), ("k+A]", "k+B]")],
    "parity": [("2*k+1", "2*k+2"), (" + sum[k] x[2*k+1]", "")],
    "parity, then again": [("4*k+2", "4*k+3")],
    "parity of two axes": [("x[2*i,2*j+1]", "x[2*i+1,2*j+1]")],
    "like terms": [("2*sum", "3*sum")],
    "polyphase by 2": [("w[2*k+1]", "w[2*k]"), ("x[2*p+2*k+1]", "x[2*p+k+1]")],
    "polyphase by 3": [("w[3*k+2]", "w[3*k+1]")],
    "polyphase by s": [(" if s >= 1", ""), ("r < s", "r <= s"), ("s*q+r]*w", "q+r]*w")],
    "polyphase by s, read from the right": [("0 <= r", "1 <= r")],
    "one quotient, one remainder": [("*[0 <= b < s]", "*[0 <= b <= s]"), ("= x[q,r]", "= x[r,q]")],
    "the same quotient twice": [("[0 <= b < s]", "[0 <= b <= s]")],
    "split and merged": [("[0 <= b < s]", "[0 <= b <= s]")],
    "depth to space and back": [("[e == s*s*c+s*a+b]", "[e == s*s*c+a+s*b]")],
    "space to depth of depth to space": [("y[c,s*h+i,s*w+j]", "y[c,s*h+j,s*w+i]")],
    "depth to space of space to depth": [("[u == s*w+j]", "[u == s*w+i]")],
    "blocks with axes of their own": [("= x[c,a,b,h,w]", "= x[c,b,a,h,w]")],
    "nested floors": [("m*n]", "m*n+1]"), ("< n]", "<= n]")],
    "nested floors, summed": [("m*n]", "m*n-1]"), ("< n]", "<= n]")],
    "three nested floors": [("-l*m*n*c", "-l*m*c"), ("a-m*b", "a-n*b")],
    "a common factor": [(" if s >= 1", ""), ("s*j]", "s*j+1]"), (" if s >= 1", " if s >= 0")],
    "a common factor in a sum": [(" if s >= 1", ""), ("s*j]", "s*j+s]")],
    "a common factor, carried out": [(" if s >= 1", ""), ("w[j-q]", "w[q-j]")],
    "Hessian of a square": [("2*[", "["), ("[i == j]", "[i == j+1]")],
    "Hessian of a square, named": [("2*[", "3*[")],
    "derivative of a gradient": [("2*[", "[")],
    "Hessian of a form": [("A[j,i]", "A[i,j]")],
    "Hessian of a function": [("f''", "f'")],
    "double backward": [("g[h-k]", "g[h+k]")],
    "third derivative": [("6*", "3*")],
    "derivative of a number": [("= 0", "= [i == 0]")],
}

NONSENSE = (
    CLAIMS["split and merged"].replace(POSITIVE, ""),
    CLAIMS["depth to space and back"].replace(SQUARE, POSITIVE),
    "",
    "p",
    "p: = 0",
    "p < : x[p] = 0",
    "p: x[p] = y[p] = 0",
    "p: x[p = 0",
    "p: d x[p] = 0",
    "p: d x[p]/d 2 = 0",
    "p: d x[p]/x[p] = 0",
    "x[; p: x[p] = 0",
    "x[N]; x[N]; p: x[p] = 0",
    "y[p] = x[p]; y[p] = x[p]; p: y[p] = x[p]",
    "y[p] = x[p+h]; h: y[h] = x[2*h]",
    "p: x[p] = 0 if s",
    "p: sum[q] [q == q] = 0",
    "p: y[p/2] = 0",
)


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_is_proved_as_it_is_typed(name: str) -> None:
    started = time.perf_counter()
    verdict = judge(CLAIMS[name])
    print(f"{name}: {verdict.word} in {time.perf_counter() - started:.2f} s")
    assert verdict.theorem is not None, str(verdict)
    assert replay(loads(dumps(verdict.theorem.proof))) == verdict.theorem


def test_every_claim_has_false_neighbours() -> None:
    assert FALSE.keys() == CLAIMS.keys()


@pytest.mark.parametrize(
    ("name", "old", "new"), [(name, *change) for name in FALSE for change in FALSE[name]]
)
def test_a_false_neighbour_is_refuted_and_not_proved(name: str, old: str, new: str) -> None:
    claim = CLAIMS[name]
    assert old in claim
    variables, lhs, rhs, hypotheses = parse_claim(claim.replace(old, new))
    with pytest.raises(NotProvedError):
        prove(lhs, rhs, variables, hypotheses)
    assert judge(claim.replace(old, new)).word == "refuted"


@pytest.mark.parametrize("claim", NONSENSE)
def test_nonsense_ends_in_a_message(claim: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        judge(claim)


@pytest.mark.parametrize(
    "text",
    [
        "d y[i]/d x[h]",
        "d(y[i] * w[i])/d x[h]",
        "d d x[i]/d x[h]/d x[j]",
        "2 * sum[i] d d(x[i] * w[i+1])/d x[h]/d w[j] * d[i]",
        "d(1)/d x[h]",
    ],
)
def test_a_derivative_is_read_as_it_is_written(text: str) -> None:
    free = tuple(map(symbol, "hj" if "sum" in text else "hij"))
    expression = parse_expression(text, (), free)
    assert write(expression, free) == text
    assert parse_expression(write(expression, free), tensors(expression), free) == expression


def test_a_layer_has_no_derivative() -> None:
    with pytest.raises(NotationError, match="a derivative"):
        parse_layer("y[h] = d z[h]/d x[h]")
