"""Identifiers of scripts: a certificate's names never collide with keywords or with each other."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sympy import Symbol

from rot180.codegen.rocq.tokens import ASSUMED, FORBIDDEN
from rot180.derive.language.scalar_functions import related_functions
from rot180.derive.language.terms import (
    Access,
    Apply,
    Condition,
    Derivative,
    Expression,
    Factor,
    Tensor,
    Term,
    accesses_and_brackets,
    factor_symbols,
)

KEYWORDS = frozenset(
    """
    _ as at by cofix else end exists exists2 fix for forall fun if in let match mod return then
    using where with is IF struct Prop Set Type SProp Variable Hypothesis Parameter Axiom
    Definition Fixpoint CoFixpoint Theorem Lemma Section Module End Record Notation Require Import
    Export Open Scope Print Assumptions Proof Qed Defined Ltac Infix Arguments Add Ring Let Local
    Global Inductive CoInductive Variant Structure Class Instance Canonical Coercion Context
    """.split()  # noqa: SIM905
)
"""Keywords of Rocq and the words with which its sentences begin."""

_LIBRARY = frozenset(
    """
    Build_Ring Dual Integers Laws Chain Ring add along alone agree base beyond both box box_in
    box_out box_split chain_base congruent const const_add const_mul const_next const_one const_zero
    delta dual dual_base enough family farthest farthest_le first first_add first_const first_ext
    first_more first_one first_scale first_swap first_zero follow follows follows_add follows_entry
    follows_lifted follows_mul follows_still follows_total gather gather_add gather_at gather_ext
    gather_scale gather_total gather_zero highest highest_le index inside integer integer_add
    integer_box integer_const integer_first integer_laws integer_mul integer_point integers largest
    laws lifted more mul mul_zero_l mul_zero_r near near_div near_mul one opp pair_add pair_laws
    pair_mul pair_one pair_opp pair_sub pair_zero point point_at point_off point_opp project scalar
    slope slope_add slope_box slope_bracket slope_const slope_constant slope_lifted slope_mul
    slope_point slope_total still still_add still_box still_const still_lifted still_mul still_point
    still_total sub sum total total_add total_at total_count total_euclid total_ext total_few
    total_move total_more total_scale total_sift total_swap total_zero unreachable value value_add
    value_box value_const value_lifted value_mul value_point value_total void within zero
    finite_sums
    """.split()  # noqa: SIM905
)
"""The names that the library defines."""

_USED = frozenset(
    """
    A All E False I Lia O Ring S Sizes Steps True Z ZArith Z_lt_ge_dec Z_scope all and apply assert
    assumption at auto away beta bool bound cbn cbv chained change claimed clear clearbody close
    cofix cons cut deep_ring destruct discriminate do eapply eassumption easy eauto eq eq_refl
    eq_trans etransitivity ex exact exfalso f_equal f_equal2 fail false far field finite first fst
    generalize given goal holds idtac iff induction injection inner integers_laws intro intros
    inversion large lazymatch least left lia list ltac move moved nat nia nil not now of off option
    or out pair pattern plain pose prod progress proj1 proj2 proof reached refine reflexivity
    repeat rewrite right ring scalars scalars_ring set sig simpl snd solve some specialize split
    stated statement subst symmetry text theirs told transitivity trivial true try tt unfold unit
    vm_compute whole
    """.split()  # noqa: SIM905
)
"""The names that scripts bind or use."""

RESERVED = KEYWORDS | FORBIDDEN | ASSUMED | _LIBRARY | _USED

NUMBERED = re.compile(
    r"(?:line|step|given|aside|in|at|reach|goal|fact|outside|boxed|known)_\d+|cited(?:_\d+)+"
    r"|(?:z|at|e)\d+|H\d+"
)
"""The numbered names of facts, lines and lemmas in scripts."""


class ScriptError(ValueError):
    """A proof that scripts do not cover."""


def derived_identifiers(name: str) -> frozenset[str]:
    """Return an identifier and the identifiers that scripts derive from it."""
    before = (f"{word}_{name}" for word in ("moved", "fixed", "value", "steady", "range", "at"))
    after = (f"{name}_{word}" for word in ("box", "known", "from", "unit"))
    return frozenset((name, *before, *after))


def identifier(name: str, taken: Collection[str] = ()) -> str:
    """Return an identifier like a name; neither it nor one derived from it is taken.

    Args:
        name: letters, digits and underscores, a letter first; dots become underscores.
        taken: identifiers of a script with those derived from them.

    """
    name = name.replace(".", "_")
    taken = frozenset(taken)
    while name in RESERVED or NUMBERED.fullmatch(name) or derived_identifiers(name) & taken:
        name += "'"
    return name


@dataclass(frozen=True)
class Names:
    """The identifiers of a script: a name is kept unless it is taken.

    Attributes:
        symbols: identifier by the name of a symbol.
        tensors: identifier by the name of a tensor, or by the key of a scalar function.

    """

    symbols: Mapping[str, str]
    tensors: Mapping[str, str]

    @classmethod
    def of(cls, expressions: Iterable[Expression], conditions: Iterable[Condition]) -> Names:
        """Name everything that occurs in some expressions and conditions."""
        return cls({}, {}).extended(expressions, conditions)

    @property
    def taken(self) -> frozenset[str]:
        """Return every identifier that is in use or may be derived."""
        every = (*self.symbols.values(), *self.tensors.values())
        return frozenset().union(*map(derived_identifiers, every))

    def extended(
        self, expressions: Iterable[Expression], conditions: Iterable[Condition] = ()
    ) -> Names:
        """Add names for whatever is new in some expressions and conditions."""
        found: set[Symbol] = set()
        used: dict[str, str] = {}
        for condition in conditions:
            found |= factor_symbols(condition)
        for e in expressions:
            for t in e:
                found |= t.symbols
            for u in _every_tensor(e):
                used[u.name] = u.name
                if u.definition is not None:
                    found |= set(u.definition.formals)
                    found = found.union(*(b.symbols for b in u.definition.body))
            for f, n in functions_of(e):
                used[function_name(f, n)] = f"{f}_{n}" if n else f
        more = self.with_variables(found)
        names, taken = dict(self.tensors), set(more.taken)
        for key, like in used.items():
            if key not in names:
                names[key] = identifier(like, taken)
                taken |= derived_identifiers(names[key])
        return Names(more.symbols, names)

    def with_variables(self, variables: Iterable[Symbol]) -> Names:
        """Add names for some variables."""
        symbols, taken = dict(self.symbols), set(self.taken)
        for name in sorted({v.name for v in variables} - symbols.keys()):
            symbols[name] = identifier(name, taken)
            taken |= derived_identifiers(symbols[name])
        return Names(symbols, self.tensors)


def _every_tensor(expression: Iterable[Term]) -> Iterator[Tensor]:
    """Yield every tensor of an expression; equal ones may differ in their bound variables."""
    for t in expression:
        for a in accesses_and_brackets(t.factors):
            if isinstance(a, Access):
                yield a.tensor
                if a.tensor.definition is not None:
                    yield from _every_tensor(a.tensor.definition.body)


def function_name(name: str, order: int) -> str:
    """Return the key of a scalar function or of its derivative; it is not the name of a tensor."""
    return f"{name}({order})"


def functions_of(expression: Expression) -> Iterator[tuple[str, int]]:
    """List the scalar functions of an expression with their orders, definitions unfolded.

    The functions in the relation of a derivative are listed too.
    """

    def walk(factors: Iterable[Factor], pending: int) -> Iterator[tuple[str, int]]:
        for f in factors:
            if isinstance(f, Apply):
                for order in range(f.order, f.order + pending + 1):
                    yield f.function, order
                    yield from ((word, 0) for word in related_functions(f.function, order))
                yield from walk((f.argument,), pending)
            elif isinstance(f, Derivative):
                yield from walk(f.factors, pending + 1)
            elif isinstance(f, Access) and f.tensor.definition is not None:
                for t in f.tensor.definition.body:
                    yield from walk(t.factors, pending)

    for t in expression:
        yield from walk(t.factors, 0)
