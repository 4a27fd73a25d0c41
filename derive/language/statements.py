"""Splits the text of a program into declarations and definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rot180.derive.language.tokens import NotationError, Token, tokens

_OPEN, _CLOSED = ("(", "["), (")", "]")


@dataclass(frozen=True)
class Statement:
    """A part of the text of a program.

    Attributes:
        kind: "definition", "declaration" or "function".
        name: the token of what is defined or declared.
        window: the tokens, and an empty one after them.

    """

    kind: str
    name: Token
    window: tuple[Token, ...]


def statements(source: str) -> tuple[Statement, ...]:
    """Split a text at semicolons, and at line breaks before what begins a statement.

    Raises:
        NotationError: the text is empty, or contains a character that the notation does not have.

    """
    every = tokens(source)
    out: list[Statement] = []
    start = depth = 0
    for n, token in enumerate(every):
        ends = not token.text or (token.text == ";" and depth <= 0)
        if not ends and not (depth <= 0 and n > start and _begins(source, every, start, n)):
            depth += (token.text in _OPEN) - (token.text in _CLOSED)
            continue
        if n > start:
            end = every[n - 1].at + len(every[n - 1].text)
            out.append(_statement((*every[start:n], Token("", end))))
        start, depth = (n + 1 if ends else n), 0 if ends else depth
    if not out:
        cure = "write a layer such as y[p] = sum[k] x[p+k] * w[k]"
        raise NotationError("an empty text", source, every[-1], expected="a layer", cure=cure)
    return tuple(out)


def _begins(source: str, every: Sequence[Token], start: int, n: int) -> bool:
    """Say whether a token begins a line and a statement; the one before began at `start`."""
    before, token = every[n - 1], every[n]
    if "\n" not in source[before.at + len(before.text) : token.at] or not token.is_name:
        return False
    if every[n + 1].text == ":":
        return True
    end = _after_bracket(every, n + 1)
    if end is None:
        return False
    if every[end].text == "=":
        return True
    ended = "\n" in source[every[end - 1].at + 1 : every[end].at]
    declares = ended or every[end].text in (";", "")
    return declares and not any(t.text in ("=", "sum") for t in every[start:n])


def _after_bracket(every: Sequence[Token], n: int) -> int | None:
    """Return the number of the token after the bracket that opens at a token."""
    if every[n].text != "[":
        return None
    depth = 0
    for m in range(n, len(every) - 1):
        depth += (every[m].text == "[") - (every[m].text == "]")
        if depth == 0:
            return m + 1
    return None


def _statement(window: tuple[Token, ...]) -> Statement:
    depth, kind = 0, "declaration"
    for token in window:
        depth += (token.text in _OPEN) - (token.text in _CLOSED)
        if token.text == "=" and depth <= 0:
            kind = "definition"
    if kind == "declaration" and len(window) > 1 and window[1].text == ":":
        kind = "function"
    return Statement(kind, window[0], window)
