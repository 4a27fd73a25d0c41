"""Fuzz one target in this process: python -m tests.fuzz.one_target TARGET [libFuzzer's options]."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["rot180"]):
    from tests.fuzz.targets import MUTATORS, TARGETS


def main(arguments: list[str]) -> None:
    """Run until libFuzzer stops."""
    name, *options = arguments
    change = MUTATORS.get(name)

    def mutator(data: bytes, most: int, seed: int) -> bytes:
        if change is None or seed % 2:
            return bytes(atheris.Mutate(data, len(data)))
        return change(data, most, seed)

    own = {} if change is None else {"custom_mutator": mutator}
    atheris.Setup([sys.argv[0], *options], TARGETS[name], **own)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
