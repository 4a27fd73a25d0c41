"""Texts of the proof language as tokens: what a script says, whatever its comments and strings say.

``refusal(text, name)`` says why a script is not looked at; `coqc` then decides about the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FORBIDDEN = frozenset(
    """
    Axiom Axioms Parameter Parameters Conjecture Conjectures Primitive Symbol Declare Rewrite
    Admitted Admit admit give_up Abort bypass_check Unset Load LoadPath Redirect Drop Cd Extraction
    """.split()  # noqa: SIM905
)
"""Words that leave a hole, switch a check off, or reach other files."""

SUPPOSED = frozenset(("Variable", "Variables", "Hypothesis", "Hypotheses", "Context"))
"""Words for what holds in a section; outside one they are axioms."""

_OPENING, _CLOSING = ("Section", "Module"), "End"
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\W\d][\w']*")
_NUMBER = re.compile(r"\d\w*")
_ATTRIBUTES = frozenset(("Local", "Global", "#[local]", "#[global]"))


class TokenError(ValueError):
    """A text ends within a comment or a string."""


@dataclass(frozen=True)
class Token:
    """A token; what ends a sentence is the symbol ``.`` with a blank after it.

    Attributes:
        kind: ``word``, ``number``, ``string``, ``symbol`` or ``end``.
        text: how it is written; a string without its quotes.

    """

    kind: str
    text: str


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a text; comments are none.

    Args:
        text: sentences of the proof language.

    Raises:
        TokenError: a comment or a string does not end.

    """
    at = 0
    while at < len(text):
        if text.startswith("(*", at):
            at = _comment(text, at)
        elif text[at] == '"':
            end = _string(text, at)
            yield Token("string", text[at + 1 : end - 1].replace('""', '"'))
            at = end
        elif found := _SPACE.match(text, at):
            at = found.end()
        elif found := _WORD.match(text, at):
            yield Token("word", found.group())
            at = found.end()
        elif found := _NUMBER.match(text, at):
            yield Token("number", found.group())
            at = found.end()
        else:
            last = text[at] == "." and (at + 1 == len(text) or text[at + 1].isspace())
            yield Token("end" if last else "symbol", text[at])
            at += 1


def _comment(text: str, at: int) -> int:
    """Return where a comment ends: comments nest, and a string in one is a string."""
    begin, depth = at, 0
    while at < len(text):
        if text.startswith("(*", at):
            depth, at = depth + 1, at + 2
        elif text.startswith("*)", at):
            depth, at = depth - 1, at + 2
            if depth == 0:
                return at
        elif text[at] == '"':
            at = _string(text, at)
        else:
            at += 1
    raise TokenError(f"a comment does not end, {_line(text, begin)}")


def _string(text: str, at: int) -> int:
    """Return where a string ends; two quotes in it are one that it holds."""
    end = at + 1
    while (end := text.find('"', end)) != -1:
        if not text.startswith('""', end):
            return end + 1
        end += 2
    raise TokenError(f"a string does not end, {_line(text, at)}")


def _line(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}"


def sentences(text: str) -> Iterator[tuple[Token, ...]]:
    """Yield the sentences of a text, without the points that end them.

    Raises:
        TokenError: a comment, a string or the last sentence does not end.

    """
    found: list[Token] = []
    for token in tokens(text):
        if token.kind == "end":
            yield tuple(found)
            found = []
        else:
            found.append(token)
    if found:
        raise TokenError(f"the last sentence does not end: {_written(found)}")


def same(one: str, other: str) -> bool:
    """Say whether two texts differ at most in blanks and comments.

    Raises:
        TokenError: a comment or a string does not end.

    """
    return list(tokens(one)) == list(tokens(other))


def question(text: str) -> str:
    """Return the name of the theorem about which a script asks at its end, or "".

    Raises:
        TokenError: a comment, a string or the last sentence does not end.

    """
    last = [token.text for sentence in list(sentences(text))[-1:] for token in sentence]
    return last[2] if last[:2] == ["Print", "Assumptions"] and len(last) == 3 else ""


def refusal(text: str, name: str) -> str:
    """Say why a script is no proof of a theorem, as far as its words tell.

    Args:
        text: the script.
        name: the theorem's name; the script must end in printing what it rests on.

    Returns:
        a sentence; empty if nothing is wrong with the words.

    """
    try:
        said = list(sentences(text))
    except TokenError as error:
        return str(error)
    stack: list[str] = []
    for sentence in said:
        words = {t.text for t in sentence if t.kind == "word"}
        if found := sorted(words & FORBIDDEN):
            return f"the script says {found[0]}"
        if "Section" not in stack and (found := sorted(words & SUPPOSED)):
            return f"the script says {found[0]} outside a section"
        _nest(stack, sentence)
    asked = (Token("word", "Print"), Token("word", "Assumptions"), Token("word", name))
    if said[-1:] != [asked] or sum(asked[0] in sentence for sentence in said) != 1:
        return f"the script does not end in {_written(asked)}, its one question"
    return f"the script ends within a {stack[-1].lower()}" if stack else ""


def _nest(stack: list[str], sentence: Sequence[Token]) -> None:
    """Enter or leave a section or a module."""
    words = [t.text for t in sentence if t.text not in _ATTRIBUTES]
    if words[:1] == [_CLOSING] and len(words) == 2 and stack:
        stack.pop()
    elif words[:1] and words[0] in _OPENING and ":=" not in "".join(words):
        stack.append(words[0])


def _written(sentence: Sequence[Token]) -> str:
    return " ".join(t.text for t in sentence) + "."
