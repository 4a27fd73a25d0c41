"""Short proofs in the notation, for terminals: the lines and the reasons that documents show."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from sympy import Expr, Symbol

from rot180.derive.display.abbreviate import abbreviated
from rot180.derive.display.definitions import every_tensor
from rot180.derive.display.proof_latex import lines_in
from rot180.derive.display.statement import write_subject
from rot180.derive.display.terms_latex import Letters
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.notation import write, write_factor
from rot180.derive.language.polynomial import text
from rot180.derive.language.spelling import ambiguous, display_name
from rot180.derive.language.terms import Factor, Tensor

COLUMNS = 100
"""The largest width of a proof with the reasons on the same lines."""

_MARKUP = (
    (r"\\frac\{1\}\{(\w)\}", r"1/\1"),
    (r"= (\w+) (\w+) \+ \\text\{rest\}", r"= \1*\2 + rest"),
    (r"\\(?:texttt|text|emph)\{((?:\\.|[^{}])*)\}", r"\1"),
    (r"\\partial (\S+) / \\partial ", r"d\1/d"),
    (r"\\partial ", "d"),
    (r"\\mapsto", "->"),
    (r"\\,", "*"),
    (r"\\([_&%#{}])", r"\1"),
    (r"\^\{(\w+)\}", r"^\1"),
    (r"\{(\w+)\}", r"\1"),
    (r"\$", ""),
    (r"\[(\w+) = (\w+)\]", r"[\1 == \2]"),
)
"""The LaTeX that reasons have around the names, and the same in the notation."""


@dataclass(frozen=True)
class TextLetters(Letters):
    """Writes names, entries and indices in the notation, where documents write LaTeX."""

    def symbol(self, name: str) -> str:
        """Return an index, size or parameter."""
        return name

    def function(self, name: str, order: int) -> str:
        """Return a scalar function or its derivative."""
        return name + "'" * order

    def tensor(self, t: Tensor | str) -> str:
        """Return a tensor; an applied operator as it is applied."""
        return display_name(t, self.bare) if isinstance(t, Tensor) else t

    def polynomial(self, e: Expr, bound: tuple[Symbol, ...] = ()) -> str:
        """Return a polynomial."""
        return text(e, (*self.free, *bound))

    def factor(
        self, f: Factor, bound: tuple[Symbol, ...] = (), beside: Collection[Expr] = ()
    ) -> str:
        """Return a factor of a term."""
        return write_factor(f, (*self.free, *bound), (), self.bare)


def write_proof(theorem: Theorem) -> str:
    """Return the short proof of a theorem as text: the left side, then each line with its reason.

    The lines and their reasons are those of `proof_lines`; of a long line the first terms are
    shown. The reasons have a column of their own if everything fits into `COLUMNS`.
    """
    free = tuple(v for v, _ in theorem.variables)
    bare = ambiguous(every_tensor(*theorem.lines))
    rows = []
    for line in abbreviated(lines_in(theorem, "short", TextLetters(free=free, bare=bare))):
        more = f" + ... ({line.more} more term{'s' if line.more > 1 else ''})" * bool(line.more)
        rows.append((f"= {write(line.right, free, (), bare)}{more}", plain(line.remark)))
    widest = max(len(shown) for shown, _ in rows)
    beside = widest + max(len(reason) for _, reason in rows) + 6 <= COLUMNS
    out = [write_subject(theorem.lhs, free, bare)]
    for shown, reason in rows:
        if beside:
            out.append(f"  {shown:{widest}}    {reason}".rstrip())
        else:
            out += [f"  {shown}", *([f"        {reason}"] if reason else [])]
    return "\n".join(out)


def plain(reason: str) -> str:
    r"""Return a reason, which is LaTeX text around the notation, as plain text.

    >>> plain(r"chain rule, $grad\_y = \partial L / \partial y$")
    'chain rule, grad_y = dL/dy'
    """
    for pattern, shown in _MARKUP:
        reason = re.sub(pattern, shown, reason)
    return reason
