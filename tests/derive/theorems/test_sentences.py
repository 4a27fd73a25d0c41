"""Every theorem has two sentences: what it says, without symbols, and why anybody cares."""

import re
from fnmatch import fnmatchcase

import pytest

from rot180.derive.theorems import claims
from rot180.derive.theorems.sentences import SENTENCES, sentences


@pytest.mark.parametrize("name", claims())
def test_every_theorem_has_two_sentences(name: str) -> None:
    said = sentences(name)
    for one in (said.says, said.why):
        assert re.fullmatch(r"[A-Z][^.]+\.", one), one
    assert re.fullmatch(r"[A-Za-z ,.'-]+", said.says), "what a theorem says has no symbols"
    assert said.says != said.why


def test_every_pattern_is_the_first_for_a_theorem() -> None:
    found = {next(p for p, _, _ in SENTENCES if fnmatchcase(name, p)) for name in claims()}
    assert [p for p, _, _ in SENTENCES if p not in found] == []
    assert len({says for _, says, _ in SENTENCES}) == len(SENTENCES)


def test_a_theorem_without_sentences_is_named() -> None:
    with pytest.raises(ValueError, match="found none for nobody"):
        sentences("nobody")
