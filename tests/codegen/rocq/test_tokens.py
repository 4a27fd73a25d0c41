"""Scripts are read as tokens: words in comments and strings do not count, all others do."""

from __future__ import annotations

import pytest

from rot180.codegen.rocq.tokens import (
    ASSUMED,
    FORBIDDEN,
    ScriptToken,
    TokenError,
    queried_theorem,
    refusal,
    sentences,
    tokens,
)

END = "\nPrint Assumptions t."
GOOD = "Theorem t : True.\nProof. exact I. Qed."


def words(text: str) -> list[str]:
    return [token.text for token in tokens(text) if token.kind == "word"]


def test_tokens_of_each_kind() -> None:
    text = "Definition x' := Z.abs (12 + \"a \"\" (* b\")%Z. (* c (* d *) \"*)\" e *)"
    assert list(tokens(text)) == [
        ScriptToken("word", "Definition"),
        ScriptToken("word", "x'"),
        *(ScriptToken("symbol", c) for c in ":="),
        ScriptToken("word", "Z"),
        ScriptToken("symbol", "."),
        ScriptToken("word", "abs"),
        ScriptToken("symbol", "("),
        ScriptToken("number", "12"),
        ScriptToken("symbol", "+"),
        ScriptToken("string", 'a " (* b'),
        ScriptToken("symbol", ")"),
        ScriptToken("symbol", "%"),
        ScriptToken("word", "Z"),
        ScriptToken("end", "."),
    ]


def test_a_comment_opened_in_a_string_hides_nothing() -> None:
    """A regular expression would see a comment from the first string to the second."""
    text = 'Notation a := "(*". Axiom gap : False. Notation b := "*)".'
    assert "Axiom" in words(text)
    assert refusal(text + GOOD + END, "t") == "the script uses Axiom"


def test_nested_comments_are_comments() -> None:
    assert words("(* a (* b *) Axiom c *) d") == ["d"]
    assert words("(* (* *) (* (* *) *) Axiom *) d (* *) e") == ["d", "e"]


def test_a_string_in_a_comment_is_a_string() -> None:
    """So the comment goes on after what looks like its end."""
    assert words('(* "*)" Axiom *) a') == ["a"]
    assert words('(* "(*" *) Axiom') == ["Axiom"]
    assert words('(* "a "" *)" Axiom *) b') == ["b"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a. (* b", "a comment is not closed, line 1"),
        ("a.\n(* (* b *)", "a comment is not closed, line 2"),
        ('a.\n\n"b', "a string is not closed, line 3"),
        ('a. "b""', "a string is not closed, line 1"),
        ('(* "b *)', "a string is not closed, line 1"),
        ("a. b", "the last sentence has no final period: b"),
    ],
)
def test_unterminated_text_is_refused(text: str, fault: str) -> None:
    with pytest.raises(TokenError, match=fault.replace("(", r"\(")):
        list(sentences(text))
    assert fault in refusal(text, "t")


@pytest.mark.parametrize("word", sorted(FORBIDDEN))
def test_words_that_leave_a_gap_are_refused(word: str) -> None:
    assert refusal(f"{word} a.\n{GOOD}{END}", "t") == f"the script uses {word}"
    longer = f"Definition {word}s' := {word}_1."
    for hidden in (f"(* {word} *)", f'(* "*)" {word} *)', f'Check "{word}".', longer):
        assert refusal(f"{hidden}\n{GOOD}{END}", "t") == ""


@pytest.mark.parametrize("word", sorted(ASSUMED))
def test_assumptions_are_allowed_in_sections_only(word: str) -> None:
    given = f"{word} (a : False).\n{GOOD}"
    assert refusal(given + END, "t") == f"the script uses {word} outside a section"
    assert refusal(f"Module M.\n{given}\nEnd M." + END, "t").endswith("outside a section")
    assert refusal(f"Section S.\n{given}\nEnd S." + END, "t") == ""
    assert refusal(f"Section S. End S. {given}" + END, "t").endswith("outside a section")
    assert refusal(f'Notation "Section" := 0. {given}' + END, "t").endswith("outside a section")


def test_print_assumptions_comes_last_once_and_outside_sections() -> None:
    assert refusal(GOOD + END, "t") == ""
    assert "does not end with its only Print Assumptions t." in refusal(GOOD, "t")
    assert "does not end with" in refusal(GOOD + END, "other")
    assert "does not end with" in refusal(GOOD + END + END, "t")
    assert "does not end with" in refusal(f"{GOOD} (* {END} *)", "t")
    assert "does not end with" in refusal(f'{GOOD} Check "{END}".', "t")
    assert refusal(f"Section S. {GOOD}{END}", "t") == "the script ends inside a section"
    assert refusal(f"Module M. {GOOD}{END}", "t") == "the script ends inside a module"
    assert refusal(f"Module M := N. {GOOD}{END}", "t") == ""
    assert queried_theorem(GOOD + END) == "t"
    assert queried_theorem(GOOD) == ""
