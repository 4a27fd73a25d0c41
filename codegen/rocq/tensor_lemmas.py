"""Lemmas about a defined tensor: it is zero outside its box, and dual numbers keep its value."""

from __future__ import annotations

from dataclasses import dataclass

from rot180.codegen.rocq.identifiers import Names, function_name
from rot180.codegen.rocq.lemma_proof import LemmaProof
from rot180.codegen.rocq.printer import Printer, functions_in, operands_of
from rot180.derive.language.terms import Tensor, tensors


@dataclass(frozen=True)
class TensorLemma:
    """A lemma about a defined tensor over any ring; its fields are text of the script."""

    name: str
    binders: str
    claim: str
    tactic: str


def box_lemma(names: Names, t: Tensor) -> TensorLemma:
    """Return the lemma that a defined tensor is zero outside its box."""
    word, plain = names.tensors[t.name], Printer(names)
    index = [f"z{n + 1}" for n in range(len(t.shape))]
    boxes = [(i, plain.argument(n)) for i, n in zip(index, t.shape, strict=True) if n is not None]
    binders, operands = ["{A : Ring}", "(bound : Z)"], ["bound"]
    for f, n in functions_in(t):
        operands.append(names.tensors[function_name(f, n)])
        binders.append(f"{{{operands[-1]} : A -> A}}")
    for u in operands_of(t):
        operands.append(names.tensors[u.name])
        binders.append(f"{{{operands[-1]} : {'Z -> ' * len(u.shape)}A}}")
    box = " /\\ ".join(f"0 <= {i} < {n}" for i, n in boxes)
    entry = " ".join([word, *operands, *index])
    splits = "".join(
        f"destruct (within {i} {n}) as [? | away]; [| rewrite (box_out _ {i} {n} away); void]. "
        for i, n in boxes
    )
    claim = f"forall {' '.join(index)}, ~ ({box}) -> {entry} = (zero : A)"
    tactic = f"intros {' '.join(index)} out. unfold {word}. {splits}"
    end = "exfalso; apply out; repeat split; lia"
    return TensorLemma(f"{word}_box", " ".join(binders), claim, tactic + end)


def value_lemma(proof: LemmaProof, t: Tensor, by: Tensor) -> TensorLemma:
    """Return the lemma that a tensor's value over the dual numbers is the tensor itself."""
    names, definition = proof.names, t.definition
    assert definition is not None
    name = names.tensors[t.name]
    functions, dual = list(functions_in(t)), []
    for f, n in functions_in(t):
        dual.append(f"(lifted {' '.join(names.tensors[function_name(f, k)] for k in (n, n + 1))})")
        functions.append((f, n + 1))
    keys = dict.fromkeys(function_name(f, n) for f, n in functions)
    binders = ["{A : Ring}", *(f"{{{names.tensors[key]} : A -> A}}" for key in keys)]
    at = [f"at{n + 1}" for n in range(len(by.shape))]
    plain = [names.tensors[function_name(f, n)] for f, n in functions_in(t)]
    for u in operands_of(t):
        word = names.tensors[u.name]
        binders.append(f"{{{word} : {'Z -> ' * len(u.shape)}A}}")
        plain.append(word)
        moved = f"(moved_{' '.join([word, word, *at])})"
        dual.append(moved if u == by else f"(fixed_{word} {word})")
    if by in operands_of(t) and at:
        binders.append(f"{{{' '.join(at)} : Z}}")
    index = [f"z{n + 1}" for n in range(len(t.shape))]
    left, right = (" ".join([name, "bound", *parts, *index]) for parts in (dual, plain))
    inner = "".join(
        f"rewrite ?{proof.value_lemma(u, by)}; "
        for u in tensors(definition.body)
        if u.definition is not None
    )
    binders.append(f"({' '.join(['bound', *index])} : Z)")
    tactic = f"unfold {name}; project; {inner}reflexivity"
    return TensorLemma(
        proof.value_lemma(t, by), " ".join(binders), f"value ({left}) = ({right} : A)", tactic
    )
