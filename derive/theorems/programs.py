"""Softmax, normalization and attention: gradients of programs, in the form that papers give them.

The programs are those of the catalogue. That the largest entry is subtracted before an exponential
does not change a gradient; to show why, one theorem has what is subtracted for an operand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sympy import Expr

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.language.notation import parse_definition, parse_expression
from rot180.derive.language.program_catalogue import PROGRAMS
from rot180.derive.language.programs import Program, entries_in, parse_program
from rot180.derive.theorems.registry import Claim, claim


@dataclass(frozen=True)
class GradientForm:
    """The form of a gradient of a program.

    Attributes:
        program: the text of the program.
        wrt: the operand.
        gradient: the gradient as text, which may use the tensors of the program and of `where`.
        words: the gradient in words.
        where: definitions that the gradient uses, as text.

    """

    program: str
    wrt: str
    gradient: str
    words: str
    where: tuple[str, ...] = ()

    def claim(self) -> Claim:
        """State that the gradient has this form."""
        program = parse_program(self.program)
        variables, left = chain_goal(program, operand(program, self.wrt))
        entries = (a.tensor for t in program.definitions for a in entries_in(t))
        known = [*dict.fromkeys((*program.definitions, *entries)), output_gradient(program)]
        sizes = _index_sizes(program)
        for line in self.where:
            known.append(parse_definition(line, known, sizes))
        own = {v.name: n for v, n in variables if n is not None}
        right = parse_expression(self.gradient, known, [v for v, _ in variables], own)
        return Claim(variables, left, right, (), self.words, program=program)


def _index_sizes(program: Program) -> dict[str, Expr]:
    """Return the size of each index of the definitions of a program."""
    found: dict[str, Expr] = {}
    for t in program.definitions:
        assert t.definition is not None
        boxes = zip(t.definition.formals, t.shape, strict=True)
        found |= {v.name: n for v, n in boxes if n is not None}
    return found


_SHIFT = re.compile(r"m\[[\w,]*\] = max\[")


def shifted(name: str) -> str:
    """Return the text of a catalogue's program in which the shift m is an operand.

    >>> shifted("softmax")
    'e[n,j] = exp(x[n,j] - m[n]); y[n,j] = e[n,j] / sum[i] e[n,i]'
    """
    return "; ".join(line for line in PROGRAMS[name].split("; ") if not _SHIFT.match(line))


_WEIGHTS = (
    "grad_p[n,i,j] = sum[f] grad_y[n,i,f] * v[n,j,f]",
    "delta[n,i,j] = p[n,i,j] * grad_p[n,i,j] - p[n,i,j] * sum[l] grad_p[n,i,l] * p[n,i,l]",
)
_MEAN = "reciprocal(value_of_C[])"
_SCALED = "h[n,c] = grad_y[n,c] * g[c]"
_HAT = "xhat[n,c] = {}[n,c] * r[n]"

FORMS: dict[str, GradientForm] = {
    "softmax_input": GradientForm(
        PROGRAMS["softmax"],
        "x",
        "y[n,j] * grad_y[n,j] - y[n,j] * sum[i] grad_y[n,i] * y[n,i]",
        "softmax times what the output gradient exceeds its mean by, weighted by softmax",
    ),
    "softmax_shift": GradientForm(
        shifted("softmax"), "m", "0", "zero, because the softmax of a row sums to one"
    ),
    "log_softmax_input": GradientForm(
        PROGRAMS["log_softmax"],
        "x",
        "grad_y[n,j] - sum[i] grad_y[n,i] * exp(u[n,j]) * reciprocal(s[n])",
        "the output gradient, minus its sum times softmax",
    ),
    "attention_query": GradientForm(
        PROGRAMS["attention"],
        "q",
        "scale * sum[j] delta[n,i,j] * k[n,j,d]",
        "delta times the keys",
        _WEIGHTS,
    ),
    "attention_key": GradientForm(
        PROGRAMS["attention"],
        "k",
        "scale * sum[i] delta[n,i,j] * q[n,i,d]",
        "delta transposed, times the queries",
        _WEIGHTS,
    ),
    "attention_value": GradientForm(
        PROGRAMS["attention"],
        "v",
        "sum[i] p[n,i,j] * grad_y[n,i,f]",
        "the weights transposed, times the output gradient",
    ),
    "rms_norm_input": GradientForm(
        PROGRAMS["rms_norm"],
        "x",
        f"r[n] * h[n,c] - r[n] * xhat[n,c] * {_MEAN} * sum[e] h[n,e] * xhat[n,e]",
        "the scaled output gradient, less its part along the input",
        (_SCALED, _HAT.format("x")),
    ),
    "rms_norm_scale": GradientForm(
        PROGRAMS["rms_norm"],
        "g",
        "sum[n] grad_y[n,c] * xhat[n,c]",
        "the output gradient times the normalized input, summed over the rows",
        (_HAT.format("x"),),
    ),
    "layer_norm_input": GradientForm(
        PROGRAMS["layer_norm"],
        "x",
        f"r[n] * h[n,c] - r[n] * {_MEAN} * sum[e] h[n,e]"
        f" - r[n] * xhat[n,c] * {_MEAN} * sum[e] h[n,e] * xhat[n,e]",
        "the scaled output gradient, less its mean and its part along the normalized input",
        (_SCALED, _HAT.format("u")),
    ),
    "layer_norm_scale": GradientForm(
        PROGRAMS["layer_norm"],
        "g",
        "sum[n] grad_y[n,c] * xhat[n,c]",
        "the output gradient times the normalized input, summed over the rows",
        (_HAT.format("u"),),
    ),
    "layer_norm_shift": GradientForm(
        PROGRAMS["layer_norm"],
        "b",
        "sum[n] grad_y[n,c]",
        "the output gradient, summed over the rows",
    ),
}
"""The forms, by the names of the theorems."""

for _name, _form in FORMS.items():
    claim(_name, _form.claim)
