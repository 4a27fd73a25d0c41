"""Parses the names of functions: known ones, and those that a text declares."""

from __future__ import annotations

import difflib
import keyword
from collections.abc import Collection, Iterable

from sympy import Symbol

from rot180.derive.language.bracket_reader import BracketReader
from rot180.derive.language.known_names import not_of_one_entry
from rot180.derive.language.scalar_functions import FUNCTIONS
from rot180.derive.language.spelling import is_operator
from rot180.derive.language.tokens import Token


class FunctionReader(BracketReader):
    """Parses declarations ``sigma: function``, and the names of functions that are applied.

    Attributes:
        functions: function to the token where it is first applied.
        declared_functions: function to the token of its declaration.

    """

    def __init__(self, source: str, scope: tuple[Symbol, ...], functions: Iterable[str]) -> None:
        super().__init__(source, scope)
        self.functions: dict[str, Token] = {}
        self.declared_functions: dict[str, Token] = {}
        self._given = frozenset(functions)

    def function(self) -> str:
        """Parse ``sigma: function``, and return the name.

        Raises:
            NotationError: the text is not such a declaration.

        """
        token = self._name("the name of a function")
        self._expect(":", f"after {token.text}")
        self._expect("function", "after the colon", cure=f"write {token.text}: function; ...")
        refused = declaration_refusal(token.text)
        if token.text in self._given or token.text in self.declared_functions:
            refused = f"{token.text} is declared twice", "", "drop one declaration"
        if refused:
            self.fail(refused[0], token, refused[1], cure=refused[2])
        self.declared_functions[token.text] = token
        return token.text

    def is_function(self, name: str) -> bool:
        """Say whether a name is that of a function that may be applied."""
        return name in FUNCTIONS or name in self._given or name in self.declared_functions

    def _declared_functions(self) -> None:
        while self._next == ":":
            self.function()
            self._expect(";", "after the declaration")

    def _refuse_unused_functions(self) -> None:
        for name, token in self.declared_functions.items():
            if name not in self.functions:
                self.fail(f"the function {name} is declared but not used", token, cure="drop it")

    def _function(self) -> Token:
        """Parse the name of a function that is applied; it may end in primes."""
        token = self._take()
        name = token.text.rstrip("'")
        if keyword.iskeyword(name):
            expected = "the name of a function"
            self.fail("reserved word", token, expected, cure="choose another name")
        if refused := refusal(name, self._given | self.declared_functions.keys()):
            entry = f"for an entry, write {name}[...]; for a function, "
            inside = self._tokens[self._i + 1 : self._i + 3]
            applied = [t.is_name for t in inside[:1]] == [True] and inside[-1].text == "["
            known = applied or not_of_one_entry(name) is not None or is_operator(name)
            self.fail(refused[0], token, refused[1], cure=("" if known else entry) + refused[2])
        self.functions.setdefault(name, token)
        return token


def refusal(name: str, declared: Collection[str]) -> tuple[str, str, str] | None:
    """Return why a name cannot be applied to an entry: what is wrong, what is expected, a cure.

    Args:
        name: the name in front of the parenthesis, without primes.
        declared: the functions that the text declares.

    """
    entrywise = "a function of one entry"
    if found := not_of_one_entry(name):
        return found[0], entrywise, found[1]
    if is_operator(name):
        return f"{name} is an operator on tensors", entrywise, "write out its definition as a sum"
    if name in FUNCTIONS or name in declared:
        return None
    near = difflib.get_close_matches(name, [*declared, *FUNCTIONS], n=1, cutoff=0.7)
    hint = f"did you mean {near[0]}? If not, declare it" if near else "declare it"
    known = ", ".join(sorted({*FUNCTIONS, *declared}))
    return (
        f"the function {name} is not declared",
        f"one of {known}, or a declared function",
        f"{hint} in front: {name}: function; ...",
    )


def declaration_refusal(name: str) -> tuple[str, str, str] | None:
    """Return why a function cannot be declared by that name, as `refusal` does."""
    other = "the name of a function that is not known"
    if name in FUNCTIONS:
        return f"the function {name} is known", other, "drop the declaration"
    if found := not_of_one_entry(name):
        return found[0], other, f"{found[1]}; a function of your own needs another name"
    if is_operator(name):
        return refusal(name, ())
    return None
