"""The examples in docstrings, collected through the installed names."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import rot180.codegen
import rot180.derive

MODULES = sorted(
    found.name
    for package in (rot180.derive, rot180.codegen)
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    tests = [t for name in MODULES for t in finder.find(importlib.import_module(name))]
    assert sum(len(t.examples) for t in tests) > 5
