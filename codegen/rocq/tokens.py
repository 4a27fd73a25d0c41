"""Tokens of proof scripts, without their comments.

``refusal(text, name)`` says why a script is refused because of its words; `coqc` decides the rest.
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
"""Words that leave a gap in a proof, turn a check off, or access other files."""

ASSUMED = frozenset(("Variable", "Variables", "Hypothesis", "Hypotheses", "Context"))
"""Words that assume something in a section; outside a section they are axioms."""

_OPENING, _CLOSING = ("Section", "Module"), "End"
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\W\d][\w']*")
_NUMBER = re.compile(r"\d\w*")
_ATTRIBUTES = frozenset(("Local", "Global", "#[local]", "#[global]"))


class TokenError(ValueError):
    """A text ends inside a comment, a string or a sentence."""


@dataclass(frozen=True)
class ScriptToken:
    """A token; the period that ends a sentence is followed by white space.

    Attributes:
        kind: ``word``, ``number``, ``string``, ``symbol`` or ``end``.
        text: its characters; those of a string are without the quotes.

    """

    kind: str
    text: str


def tokens(text: str) -> Iterator[ScriptToken]:
    """Yield the tokens of a text; comments are skipped.

    Args:
        text: sentences of Rocq.

    Raises:
        TokenError: a comment or a string does not end.

    """
    at = 0
    while at < len(text):
        if text.startswith("(*", at):
            at = _comment(text, at)
        elif text[at] == '"':
            end = _string(text, at)
            yield ScriptToken("string", text[at + 1 : end - 1].replace('""', '"'))
            at = end
        elif found := _SPACE.match(text, at):
            at = found.end()
        elif found := _WORD.match(text, at):
            yield ScriptToken("word", found.group())
            at = found.end()
        elif found := _NUMBER.match(text, at):
            yield ScriptToken("number", found.group())
            at = found.end()
        else:
            last = text[at] == "." and (at + 1 == len(text) or text[at + 1].isspace())
            yield ScriptToken("end" if last else "symbol", text[at])
            at += 1


def _comment(text: str, at: int) -> int:
    """Return where a comment ends; comments nest, and may contain strings."""
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
    raise TokenError(f"a comment is not closed, {_line(text, begin)}")


def _string(text: str, at: int) -> int:
    """Return where a string ends; two quotes inside it stand for one."""
    end = at + 1
    while (end := text.find('"', end)) != -1:
        if not text.startswith('""', end):
            return end + 1
        end += 2
    raise TokenError(f"a string is not closed, {_line(text, at)}")


def _line(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}"


def sentences(text: str) -> Iterator[tuple[ScriptToken, ...]]:
    """Yield the sentences of a text, without their final periods.

    Raises:
        TokenError: a comment or a string is not closed, or the last sentence has no final period.

    """
    found: list[ScriptToken] = []
    for token in tokens(text):
        if token.kind == "end":
            yield tuple(found)
            found = []
        else:
            found.append(token)
    if found:
        raise TokenError(f"the last sentence has no final period: {_written(found)}")


def queried_theorem(text: str) -> str:
    """Return the theorem of the ``Print Assumptions`` at the end of a script, "" if there is none.

    Raises:
        TokenError: a comment or a string is not closed, or the last sentence has no final period.

    """
    last = [token.text for sentence in list(sentences(text))[-1:] for token in sentence]
    return last[2] if last[:2] == ["Print", "Assumptions"] and len(last) == 3 else ""


def refusal(text: str, name: str) -> str:
    """Say why the words of a script rule it out as a proof of a theorem.

    Args:
        text: the script.
        name: the theorem's name; the script must end with ``Print Assumptions`` of it.

    Returns:
        a sentence; empty if nothing is wrong with its words.

    """
    try:
        script = list(sentences(text))
    except TokenError as error:
        return str(error)
    stack: list[str] = []
    for sentence in script:
        words = {t.text for t in sentence if t.kind == "word"}
        if found := sorted(words & FORBIDDEN):
            return f"the script uses {found[0]}"
        if "Section" not in stack and (found := sorted(words & ASSUMED)):
            return f"the script uses {found[0]} outside a section"
        _nest(stack, sentence)
    query = (
        ScriptToken("word", "Print"),
        ScriptToken("word", "Assumptions"),
        ScriptToken("word", name),
    )
    if script[-1:] != [query] or sum(query[0] in sentence for sentence in script) != 1:
        return f"the script does not end with its only {_written(query)}"
    return f"the script ends inside a {stack[-1].lower()}" if stack else ""


def _nest(stack: list[str], sentence: Sequence[ScriptToken]) -> None:
    """Enter or leave a section or a module."""
    words = [t.text for t in sentence if t.text not in _ATTRIBUTES]
    if words[:1] == [_CLOSING] and len(words) == 2 and stack:
        stack.pop()
    elif words[:1] and words[0] in _OPENING and ":=" not in "".join(words):
        stack.append(words[0])


def _written(sentence: Sequence[ScriptToken]) -> str:
    return " ".join(t.text for t in sentence) + "."
