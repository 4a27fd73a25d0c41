"""A random layer: derived, refused, or a fault; and the smallest layer with the same fault."""

from __future__ import annotations

import inspect
import random
import re
import signal
import time
import traceback
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from rot180.codegen.documents.formats import in_formats
from rot180.codegen.documents.layer import document
from rot180.codegen.kernels.derivation import ProvedLayer, derive, module, plain_file, quiet
from rot180.derive.language.polynomial import number, symbols_of
from tests.support.fuzz_draw import STRIDES
from tests.support.fuzz_layers import FuzzLayer, smaller
from tests.support.fuzz_meaning import EndlessError, meaning

MOST_SECONDS = 20
"""How much time of the processor a layer may take, its kernels and its proofs included."""

LOOKS = 5
"""At how many random sizes the kernels of a layer are compared with the definition."""


class TooLongError(BaseException):
    """A layer took too long; no `except Exception` of the engine catches this."""


@dataclass(frozen=True)
class Outcome:
    """The outcome for a layer: "derived", "refused", or a fault.

    Attributes:
        kind: a word for it; of a fault, enough to recognise it in a smaller layer.
        text: the message, or what differs.
        proved: the derived layer.
        seconds: what it took.

    """

    kind: str
    text: str = ""
    proved: ProvedLayer | None = None
    seconds: float = 0.0

    @property
    def faulty(self) -> bool:
        """Say whether it is a fault."""
        return self.kind not in ("derived", "refused")


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raise TooLongError when the process has computed for so long."""

    def stop(*_: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def sigma(z: Any) -> Any:
    """Apply an activation that is 3 at 0 and exact in integers."""
    return z * z + 3


def sigma_prime(z: Any) -> Any:
    """Return its derivative."""
    return 2 * z


VALUES: dict[tuple[str, int], Callable[[Any], Any]] = {
    ("sigma", 0): sigma,
    ("sigma", 1): sigma_prime,
    ("relu", 0): lambda z: max(z, 0),
    ("relu", 1): lambda z: int(z > 0),
}


FUNCTIONS = {name + order * "_prime": f for (name, order), f in VALUES.items()}
"""The same, by the names of arguments."""


def applied(name: str, order: int, value: int) -> int:
    """Return a function or its derivative of an integer."""
    return int(VALUES[name, order](value))


def examine(
    layer: FuzzLayer, seed: int, documents: bool = False, seconds: float = MOST_SECONDS
) -> Outcome:
    """Derive a layer, write its kernels in both languages, and compare those in NumPy.

    Args:
        layer: the layer.
        seed: of the sizes and the entries.
        documents: whether to write the documents too.
        seconds: the limit.

    """
    begin = time.process_time()
    try:
        with limit(seconds):
            proved = derive(str(layer))
            texts = {target: module(proved, target) for target in ("numpy", "cython")}
            if documents:
                in_formats(document(proved), "proof", ("tex", "html"), quiet)
                (plain_text,) = plain_file(proved).values()
    except TooLongError:
        return Outcome("too long", f"more than {seconds} s", seconds=seconds)
    except ValueError as error:
        spent = time.process_time() - begin
        wrong = objection(str(error), str(layer))
        return Outcome(f"unclear refusal: {wrong}" if wrong else "refused", str(error), None, spent)
    except Exception as error:
        spent = time.process_time() - begin
        return Outcome(f"{type(error).__name__} {_where(error)}", str(error), None, spent)
    spent = time.process_time() - begin
    made = types.ModuleType("fuzz")
    try:
        exec(compile(texts["numpy"], "numpy_kernels.py", "exec"), made.__dict__)
        different = compared(layer, proved, made, ("int64", "float64"), seed)
        if documents and not different:
            plain = types.ModuleType("plain")
            exec(compile(plain_text, "plain_kernels.py", "exec"), plain.__dict__)
            different = compared(layer, proved, plain, ("float64",), seed, plain=True)
    except EndlessError:
        raise
    except Exception as error:
        return Outcome(
            f"NumPy, {type(error).__name__} {_where(error)}", traceback.format_exc(), proved, spent
        )
    if different:
        return Outcome("NumPy, wrong: " + different.split(",")[0], different, proved, spent)
    return Outcome("derived", "", proved, spent)


def _where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"in {frame.filename.rsplit('/', 1)[-1]}, {frame.name}"


CURES = re.compile(
    r"\b(expected|cure|write|add|drop|rename|declare|multiply|use|give|split|put|choose)\b"
)


HYPOTHESIS = re.compile(
    r"\w+: found .*, expected an integer >= \d+"
    r"|\w+(, \w+)*: found .*, expected [a-z](\^\d+)?(\*[a-z](\^\d+)?)* >= 1"
)
"""What a kernel says of one parameter, or of a product of parameters without a number in it."""


def objection(message: str, text: str) -> str:
    """Return what a refusal lacks: the place in the layer, or the cure; or "" if neither."""
    quoted = set(re.findall(r"[A-Za-z0-9_]+", message)) & set(re.findall(r"[A-Za-z0-9_]+", text))
    if not quoted:
        return "no place"
    return "" if CURES.search(message) else "no cure"


def compared(
    layer: FuzzLayer,
    proved: ProvedLayer,
    made: types.ModuleType,
    dtypes: tuple[str, ...],
    seed: int,
    plain: bool = False,
) -> str:
    """Compare kernels with the definition at random sizes; return the first difference, or "".

    Args:
        layer: the layer.
        proved: the same, derived.
        made: its kernels.
        dtypes: of the arrays.
        seed: of the sizes and the entries.
        plain: whether the kernels are plain loops, which check nothing: no stride is below 1.

    """
    rng = random.Random(seed)
    tensors = (*proved.layer.tensors, proved.layer.output)
    names = {v.name for t in tensors for n in t.shape if n is not None for v in symbols_of(n)}
    fractions = any(t.coefficient.denominator != 1 for t in layer.terms)
    kinds = [d for d in dtypes if not fractions or d.startswith("float")]
    for look in range(LOOKS):
        sizes = _sizes(rng, layer, sorted(names), look)
        if plain:
            sizes |= {n: max(1, sizes[n]) for n in STRIDES if n in sizes}
        arrays = {
            t.name: _integers(rng, [int(number(n, sizes)) for n in t.shape if n is not None])
            for t in tensors
        }
        try:
            wanted = meaning(layer, sizes, arrays, applied)
        except EndlessError:
            continue
        for dtype in kinds:
            for word, values in wanted.items():
                said = _difference(made, word, layer, sizes, arrays, dtype, values)
                if said:
                    return said
    return ""


def _sizes(rng: random.Random, layer: FuzzLayer, names: list[str], look: int) -> dict[str, int]:
    """Draw sizes: all 1, or some of them 0; strides that are seldom below 1; any padding."""
    choices = ((1,), (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 1, 2, 4, 5))[look % 5]
    out = {name: rng.choice(choices) for name in names}
    for name in sorted(layer.names):
        if name in STRIDES:
            out[name] = rng.choice((1, 1, 2, 2, 3, 3, 4, 0))
        elif name not in out:
            out[name] = rng.randint(-3, 4)
    return out


def _integers(rng: random.Random, shape: list[int]) -> Any:
    drawn = np.random.default_rng(rng.getrandbits(32))
    return drawn.integers(-3, 4, shape)


def _difference(
    made: types.ModuleType,
    word: str,
    layer: FuzzLayer,
    sizes: dict[str, int],
    arrays: dict[str, Any],
    dtype: str,
    wanted: dict[tuple[int, ...], Any],
) -> str:
    kernel = getattr(made, word)
    given: dict[str, Any] = {**FUNCTIONS, **sizes}
    for name, array in arrays.items():
        key = f"grad_{name}" if name == layer.output else name
        given[key] = array.astype(dtype)
        given[f"{name}_shape"] = array.shape
    try:
        found = kernel(**{n: given[n] for n in inspect.signature(kernel).parameters})
    except ValueError as error:
        # a hypothesis: the parameter and what it must be are named
        if HYPOTHESIS.fullmatch(str(error)):
            return "" if any(sizes.get(n, 1) < 1 for n in STRIDES) else f"{word}, refused: {error}"
        raise
    shown = f"sizes {sizes}, arrays { ({n: a.tolist() for n, a in arrays.items()}) }, {dtype}"
    arrays_given = {n for n in inspect.signature(kernel).parameters if hasattr(given[n], "dtype")}
    if arrays_given and str(found.dtype) != dtype:
        return f"{word}, dtype {found.dtype}, expected {dtype}; {shown}"
    if found.size != len(wanted):
        return f"{word}, {found.size} entries, expected {len(wanted)}; {shown}"
    for at, value in wanted.items():
        if found[at] != value:
            return f"{word}, at {at}: found {found[at]}, expected {value}; {shown}"
    return ""


def shrunk(
    layer: FuzzLayer, seed: int, kind: str, documents: bool = False, seconds: float = 120
) -> FuzzLayer:
    """Return the smallest layer found within some time that has a fault of the same kind."""
    stop = time.monotonic() + seconds
    again = True
    while again:
        again = False
        for new in smaller(layer):
            if time.monotonic() > stop:
                return layer
            if examine(new, seed, documents).kind == kind:
                layer, again = new, True
                break
    return layer
