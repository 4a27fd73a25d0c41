"""Names in generated code: those of a layer never meet those of the target or of the generator.

Generated code uses the names of the notation. A name that a target reserves, or that generated
modules use, gets an underscore: ``max`` becomes ``max_``, and ``max_`` becomes ``max__``, so that
different names stay different. The names that the generator makes for its own use begin with an
underscore, which no name of the notation does. What it makes of a layer's names for others to use
(``x_shape``, ``grad_x``, ``f_prime``) may be a name of the layer too: such a layer is refused.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator

from rot180.codegen.plans.plan import LoweringError, Operand
from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import unfold_activation
from rot180.derive.language.terms import Apply, Tensor

_SOFT = "case match type"
"""Words that Python takes for keywords in some places; how many depends on its version."""
_CYTHON = (
    "DEF IF ELIF ELSE NULL api bint bool by cdef char cimport class complex const cpdef ctypedef "
    "cython double enum exec extern float fused gil include inline int long namespace new noexcept "
    "nogil object operator packed print public readonly restrict short signed size_t sizeof "
    "ssize_t static struct template typename union unsigned virtual void volatile "
    "Py_UCS4 Py_UNICODE Py_buffer Py_hash_t Py_ssize_t Py_tss_t ptrdiff_t"
)
"""What Cython's parser does not take for a name, wherever it stands."""
_BUILTINS = "dict divmod len max min range"
"""The functions of Python that kernels call."""
_MODULES = (
    # what kernels in NumPy import or contain, and a local variable
    "Any Array BLOCK Callable DTYPES DTYPE_NAMES EllipsisType Index Iterator LIMIT LONG LONGEST "
    "MOST_BYTES Mapping Places Sequence Shift Slide TypeAlias Windows Words add add_product "
    "add_spread add_taps annotations applied arrays as_strided at blocks check_axis "
    "checked_shape contract dtype extents_of forward integer integers itertools loops lru_cache "
    "math may_spread mistyped np npt of_terms ones operator part_of product_blocks reals require "
    "save saved saved_arrays scaled shown sizes span windows wrong zeros "
    # what compiled kernels have besides
    "Answer BATCH COLUMNS ENDLESS Entry Explanation MOST_INTERMEDIATE_BYTES Nest Place REDUCTION "
    "ROWS PyBUF_STRIDES PyBUF_WRITABLE PyBuffer_Release PyObject_GetBuffer calloc explain free "
    "memory namedtuple os path processor re real release rot180_algorithm rot180_answered "
    "rot180_ask rot180_best rot180_bound rot180_clip rot180_contract rot180_entry rot180_extent "
    "rot180_held rot180_interrupted rot180_isa rot180_isa_name rot180_most rot180_release "
    "rot180_small rot180_threads threading threads"
)
"""What generated modules define or import."""
RESERVED = frozenset(
    (
        *keyword.kwlist,
        *_SOFT.split(),
        *_CYTHON.split(),
        *_BUILTINS.split(),
        *_MODULES.split(),
    )
)
"""Words that no name of a layer may be in code, in any target: a name is the same in all."""


def name(word: str) -> str:
    """Return the identifier of a name of a layer in generated code.

    >>> name("x"), name("max"), name("max_")
    ('x', 'max_', 'max__')
    """
    return f"{word}_" if word.rstrip("_") in RESERVED else word


def shape_name(t: Tensor) -> str:
    """Return the argument that a tensor's sizes are passed by."""
    return name(f"{t.name}_shape")


def gradient_name(t: Tensor) -> str:
    """Return the name of the gradient by a tensor, which its kernel has too."""
    return f"grad_{t.name}"


def function_name(word: str, order: int) -> str:
    """Return the argument that a scalar function's derivative is passed by."""
    return name(word + "_prime" * order)


def array_name(operand: Operand) -> str:
    """Return the name of the array an operand reads."""
    if not operand.function:
        return name(operand.tensor.name)
    return applied_name(operand.function, operand.order, operand.tensor)


def applied_name(word: str, order: int, t: Tensor) -> str:
    """Return the array of the values of a scalar function's derivative."""
    return name(f"{word}{'_prime' * order}_{t.name}")


def derived_names(layer: Layer, gradients: bool = True) -> dict[str, str]:
    """Return the names that code derives from those of a layer, each with what it is.

    Args:
        layer: the forward pass.
        gradients: whether its gradients are computed too.

    Raises:
        LoweringError: two of them are equal, or one is a name of the layer.

    """
    taken = {name(word): f"the {role} {word}" for word, role in _own(layer)}
    found: dict[str, str] = {}
    for word, what in _derived(layer, gradients):
        other = taken.setdefault(word, what)
        if other != what:
            raise LoweringError(
                f"names: found {word} for {other} and for {what}, "
                "expected different names; rename one of them"
            )
        found[word] = what
    return found


def _own(layer: Layer) -> Iterator[tuple[str, str]]:
    """Yield the names in a layer with their roles, those of variables too."""
    definition = layer.output.definition
    assert definition is not None
    body = definition.body
    every = (*layer.tensors, layer.output)
    symbols = {v for t in body for v in t.symbols} | {v for t in every for v in t.parameters}
    symbols |= {*definition.formals, *layer.parameters}
    yield from ((v.name, "index, size or parameter") for v in symbols)
    yield from ((t.name, "array") for t in every)
    yield from ((f.function, "function") for f in _applications(layer))


def _derived(layer: Layer, gradients: bool) -> Iterator[tuple[str, str]]:
    """Yield the names that are derived from those of a layer, with what each is."""
    for t in (*layer.tensors, layer.output):
        yield shape_name(t), f"the shape of {t.name}"
        if gradients:
            yield gradient_name(t), f"the gradient by {t.name}"
    for f in _applications(layer):
        t = f.argument.tensor
        for order in (f.order, f.order + 1):
            said = f.function + "'" * order
            if order:
                yield function_name(f.function, order), f"the function {said}"
            yield applied_name(f.function, order, t), f"the values of {said} at {t.name}"


def _applications(layer: Layer) -> Iterator[Apply]:
    assert layer.output.definition is not None
    for t in layer.output.definition.body:
        for factor in map(unfold_activation, t.factors):
            if isinstance(factor, Apply):
                yield factor
