"""Documents about a layer: the forward pass, its gradients, and a proof of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from rot180.codegen.documents.model import (
    Block,
    Check,
    Document,
    Figure,
    Note,
    ProofBlock,
    Prose,
    Section,
    StepperBlock,
    TheoremBlock,
)
from rot180.codegen.documents.numbering import cited as cited_figures
from rot180.codegen.figures.figures import MOST_DRAWN, crowded, pictures
from rot180.codegen.kernels.derivation import ProvedLayer
from rot180.derive.certificates.citations import cited
from rot180.derive.display.letters import layer_letters, letters
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.proof_latex import proof_lines
from rot180.derive.display.terms_latex import Letters, escape
from rot180.derive.display.theorem_latex import boxed, definitions, listed, statement
from rot180.derive.gradients.gradient import loss, output_gradient
from rot180.derive.kernel.obligations import evident
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import only_in_coefficients
from rot180.derive.language.programs import Program, entries_in
from rot180.derive.language.terms import Access, Derivative, Tensor, tensors, term

CONVENTION = (
    "A tensor is a function of integer indices that is zero outside its box, a sum runs over all "
    "integers, and a bracket $[\\,\\cdot\\,]$ is $1$ where its condition holds and $0$ elsewhere. "
    "So padding, cropping and windows beyond the edge need no case distinctions."
)
"""How to read every formula."""


def layer_document(
    layer: Layer | Program,
    theorems: Sequence[Theorem],
    detail: str = "short",
    symbols: Symbols = DEEP_LEARNING,
    more: Sequence[Section] = (),
) -> Document:
    """Return the document of a layer or a program and its theorems, each with its proof.

    Args:
        layer: the forward pass.
        theorems: its gradients; every proof is replayed first.
        detail: "short", or "full" for every step.
        symbols: the notation.
        more: sections at the end, such as worked examples.

    Raises:
        ProofError: a proof does not follow.

    """
    known = tensors((term(loss(layer)[()]),))
    style = letters(theorems[0], symbols) if theorems else layer_letters(layer, symbols)
    word = "program" if isinstance(layer, Program) else "layer"
    sections = [Section("layer", f"The {word}", forward(layer, style, symbols))]
    for given in theorems:
        found = replay_theorem(given)
        blocks = (*theorem_blocks(found, known, detail, symbols), checked(found))
        sections.append(Section(anchor(found.name), title(found, symbols), blocks))
    return Document(f"The gradients of a {word}", layer.text, (*sections, *more))


def document(
    derivation: ProvedLayer,
    detail: str = "short",
    symbols: Symbols = DEEP_LEARNING,
    more: Sequence[Section] = (),
) -> Document:
    """Return the document of a derivation: its gradients, each with its proof, and its pictures.

    Args:
        derivation: what was proved.
        detail: "short", or "full" for every step.
        symbols: the notation.
        more: sections at the end, such as worked examples.

    """
    proved = [t for _, t in derivation.gradients]
    sections = (*illustrated(derivation.layer, symbols), *more)
    return layer_document(derivation.layer, proved, detail, symbols, sections)


def illustrated(layer: Layer, symbols: Symbols = DEEP_LEARNING) -> tuple[Section, ...]:
    """Return a section with the pictures of a layer, or no section if it has none.

    A layer with a stride is drawn with a stride of 2. The section says so if a picture would show
    too much to be read.

    Args:
        layer: the forward pass.
        symbols: the notation.

    """
    found = [p for p in pictures(layer, symbols=symbols) if not p.name.endswith("-1")]
    if not found and (many := crowded(layer)):
        said = f"At small sizes there are {many}; at most {MOST_DRAWN} are drawn."
        return (Section("pictures", "Pictures", (Note("No pictures.", said),)),)
    if not found:
        return ()
    moves = any("forward" in p.name for p in found)
    windows = [StepperBlock(layer, "stepper", symbols)] if moves else []
    verb = "shows" if len(found) == 1 else "show"
    said = f"{cited_figures([p.name for p in found])} {verb} the layer at small sizes."
    blocks: tuple[Block, ...] = (Prose((said,)), *(Figure(p) for p in found), *windows)
    return (Section("pictures", "Pictures", blocks),)


def _inside(layer: Layer | Program) -> list[Tensor]:
    """Return the defined tensors of a layer, its loss among them."""
    return [t for t in tensors((term(loss(layer)[()]),)) if t.definition is not None]


def forward(
    layer: Layer | Program, style: Letters, symbols: Symbols = DEEP_LEARNING
) -> tuple[Block, ...]:
    """Say what a layer computes, what its names stand for, and what is known of the loss.

    Args:
        layer: the forward pass.
        style: the letters of a theorem about it.
        symbols: the notation.

    """
    total, own = loss(layer), layer_letters(layer, symbols)
    inner = [t for t in _inside(layer) if t not in (layer.output, total)]
    one = not isinstance(layer, Program)
    defined = [layer.output, *inner] if one else [*inner, layer.output]
    g, name = style.tensor(output_gradient(layer)), style.tensor(total)
    output = own.tensor(layer.output)
    said = Prose((definitions(defined, own), _given(layer, own) + CONVENTION))
    if not layer.tensors:
        return (said,)
    return (
        said,
        Prose(
            (
                f"Of the loss ${name}$, only the gradient "
                f"${g} = \\partial {name} / \\partial {output}$ is used. With ${g}$ held fixed,",
                definitions([total], replace(own, tensors=style.tensors)),
                "has the same derivatives as every loss with that gradient.",
            )
        ),
    )


def _given(layer: Layer | Program, style: Letters) -> str:
    """Say what the names of a layer stand for, in a sentence; none if there are no names."""
    said = [boxed(t, style) for t in layer.tensors]
    if layer.parameters:
        reals = only_in_coefficients(layer.output)
        for kind, kinds, found in (
            ("an integer", "integers", [v for v in layer.parameters if v not in reals]),
            ("a real number", "real numbers", [v for v in layer.parameters if v in reals]),
        ):
            if found:
                names = listed([f"${style.symbol(v.name)}$" for v in found])
                said.append(f"{names} are {kinds}" if len(found) > 1 else f"{names} is {kind}")
    needed = [_in_letters(c, layer, style) for c in getattr(layer, "hypotheses", ())]
    holds = f"It is required that {listed(needed)}. " if needed else ""
    agreed = [_in_letters(c, layer, style) for c in getattr(layer, "conventions", ())]
    holds += "".join(f"By convention, {c}. " for c in agreed)
    return (f"Here {listed(said)}. " if said else "") + holds


_ENTRY = re.compile(
    r"(?:\b(?P<equal>\w+) == )?\b(?P<name>\w+)\[(?P<index>[\w,]*)\](?: (?P<sign>!=|>) 0)?"
    r"|(?<=\bover )(?P<over>[\w,]*\w)"
)
_SIGNS = {None: "", "!=": " \\ne 0", ">": " > 0"}


def _in_letters(said: str, layer: Layer | Program, style: Letters) -> str:
    """Return a hypothesis or a convention with its entries in the letters of a document.

    One with a formula stays as it is written in the notation.
    """
    if not isinstance(layer, Program) or " = " in said:
        return f"\\texttt{{{escape(said)}}}"
    inner = (a.tensor for t in layer.definitions for a in entries_in(t))
    known = {t.name: t for t in (*layer.definitions, *layer.arrays, *inner)}
    out, at = "", 0
    for m in _ENTRY.finditer(said):
        index = ", ".join(style.symbol(v) for v in (m["index"] or m["over"] or "").split(",") if v)
        shown = index
        if m["name"]:
            name = m["name"]
            head = style.tensor(known[name]) if name in known else style.symbol(name)
            left = f"{style.symbol(m['equal'])} = " if m["equal"] else ""
            shown = f"{left}{head}{f'[{index}]' if index else ''}{_SIGNS[m['sign']]}"
        out, at = f"{out}{escape(said[at : m.start()])}${shown}$", m.end()
    return out + escape(said[at:])


def replay_theorem(theorem: Theorem) -> Theorem:
    """Replay the proof of a theorem and return what it proves, with the theorem's words.

    Raises:
        ProofError: the proof does not follow.

    """
    return replace(replay(theorem.proof), words=theorem.words)


def title(theorem: Theorem, symbols: Symbols = DEEP_LEARNING) -> str:
    """Return the subject of a theorem: the gradient on its left side, else its name."""
    head = theorem.lhs[0].factors[0] if len(theorem.lhs) == 1 else None
    if isinstance(head, Derivative) and isinstance(head.factors[0], Access):
        style = letters(theorem, symbols)
        parts = (style.tensor(a.tensor) for a in (head.factors[0], head.wrt))
        return "The gradient $\\partial {} / \\partial {}$".format(*parts)
    return escape(theorem.name)


def anchor(name: str) -> str:
    """Return the target of links to a theorem."""
    return name.replace("_", "-")


def theorem_blocks(
    theorem: Theorem,
    known: Collection[Tensor] = (),
    detail: str = "short",
    symbols: Symbols = DEEP_LEARNING,
) -> tuple[TheoremBlock, ProofBlock]:
    """Return statement and proof of a replayed theorem.

    Args:
        theorem: what is stated and proved.
        known: tensors that the document has introduced already.
        detail: which view of the proof paper shows, "short" or "full".
        symbols: the notation.

    Raises:
        ValueError: detail is neither "short" nor "full".

    """
    views = {v: proof_lines(theorem, v, symbols) for v in dict.fromkeys((detail, "short", "full"))}
    parts = tuple(statement(theorem, known, symbols))
    return TheoremBlock(theorem.name, parts), ProofBlock(views["short"], views["full"], detail)


def checked(theorem: Theorem) -> Check:
    """Say how a proof was checked: its steps, rules, side conditions and hash."""
    steps = theorem.proof.steps
    rules = Counter(step.rule for step in steps)
    used = listed([f"\\texttt{{{escape(rule)}}} ({rules[rule]})" for rule in sorted(rules)])
    needed = [o for step in theorem.obligations for o in step]
    hard = sum(not evident(o) for o in needed)
    once = dict.fromkeys(p.name for p in cited(theorem.proof))
    names = [f"\\texttt{{{escape(name)}}}" for name in once]
    replayed = "proofs are" if names[1:] else "proof is"
    return Check(
        theorem.name,
        f"{_count(len(steps), 'step')}: {used}" if steps else "none: both sides are the same",
        _count(len(needed), "side condition") + _how_proved(len(needed), hard),
        theorem.proof.digest,
        f"cites {listed(names)}, whose {replayed} replayed too" if names else "",
    )


def _how_proved(needed: int, hard: int) -> str:
    """Say how side conditions are proved, of which `hard` ones are not evident."""
    if not needed:
        return ""
    if not hard:
        return ", evident" if needed == 1 else ", all evident"
    if needed == 1:
        return ", proved by a certificate"
    count = "all" if hard == needed else f"{hard} of them"
    return f", {count} proved by {'a certificate' if hard == 1 else 'certificates'}"


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
