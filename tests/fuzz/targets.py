"""What is fuzzed: for each kind of input, a function that takes bytes and checks what must hold.

Each kind of input is read, or refused by the errors that its reader documents; any other
exception is a fault. What was read must also mean what was written: see the functions.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import fields
from random import Random

import numpy as np

from rot180.codegen.cli.arrays import decode
from rot180.codegen.verify.certificate_files import certificate_texts
from rot180.derive.certificates.reader import MalformedError
from rot180.derive.display.notations import parse_symbols
from rot180.derive.language.layers import layer
from rot180.derive.language.notation import parse_layer
from rot180.derive.networks.parser import parse_network
from tests.support.forger_mutations import mutant
from tests.support.verdicts import checked, replayed

Target = Callable[[bytes], None]


def notation(data: bytes) -> None:
    """Read a layer's text: what it is written as has the same meaning."""
    try:
        read = layer(data.decode("utf-8", "surrogateescape"))
    except ValueError:
        return
    again = parse_layer(read.text)
    assert (again.text, again.output) == (read.text, read.output), read.text


def certificates(data: bytes) -> None:
    """Read a file of certificates: replay and the checker prove the same ones."""
    try:
        found = [*certificate_texts("file", data.decode("utf-8", "surrogateescape"))]
    except MalformedError:
        return
    for one in found:
        (replay, _), checker = replayed(one.text), checked(one.text)
        agree = (replay == "proved") == (checker == "proved")
        assert agree, f"replay says {replay}, the checker {checker}"


def symbols(data: bytes) -> None:
    """Read a table of symbols: all are printable ASCII with braces in pairs."""
    try:
        read = parse_symbols(data.decode("utf-8", "surrogateescape"))
    except ValueError:
        return
    values = [getattr(read, f.name) for f in fields(read) if f.name not in ("name", "subscripts")]
    texts = [v for v in values if isinstance(v, str)]
    texts += [text for v in values if isinstance(v, tuple) for _, text in v]
    for text in texts:
        assert text.isascii() and text.isprintable(), text
        assert text.count("{") - text.count("\\{") == text.count("}") - text.count("\\}"), text


def networks(data: bytes) -> None:
    """Read a network's text: its parts, written and read again, are the same."""
    try:
        read = parse_network(data.decode("utf-8", "surrogateescape"))
    except ValueError:
        return
    assert parse_network("; ".join(map(str, read))) == read


def arrays(data: bytes) -> None:
    """Read a ``.npy`` file: NumPy reads the same array."""
    try:
        found = decode(data, "file")
    except ValueError:
        return
    expected = np.load(io.BytesIO(data), allow_pickle=False)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()


TARGETS: dict[str, Target] = {
    f.__name__: f for f in (notation, certificates, symbols, networks, arrays)
}


def mutated_certificate(data: bytes, most: int, seed: int) -> bytes:
    """Change a certificate at a few places where a forger would; other data is left as it is."""
    try:
        found = json.loads(data)
        new = json.dumps(mutant(Random(seed), found, (found,), 1)).encode()
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return data
    return new if len(new) <= most else data


MUTATORS: dict[str, Callable[[bytes, int, int], bytes]] = {"certificates": mutated_certificate}
"""How inputs are changed, half of the time, where changed bytes alone are mostly malformed."""
