"""What is generated, in one table, and every text that is written for a layer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from rot180.codegen.documents.layer import illustrated, layer_document
from rot180.codegen.documents.model import Document, Section
from rot180.codegen.kernels import winograd
from rot180.codegen.kernels.modules import (
    HEADER,
    ModuleText,
    module_text,
    render_contraction,
    render_module,
)
from rot180.codegen.kernels.output_sizes import size_in_c
from rot180.codegen.rocq import script
from rot180.codegen.system.templates import template
from rot180.derive.certificates.writer import dumps
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.statement import write_statement
from rot180.derive.gradients.gradient import gradient, kernel_theorems
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer, axes, layer
from rot180.derive.theorems import theorem
from rot180.derive.theorems import theorems as theorems_of_registry

FAMILIES = tuple(f"{kind}{n}d" for kind in ("conv", "conv_transpose") for n in (1, 2, 3))
"""Layers with a public function. Its kernels are those of ``<name>_grouped``: one group is one."""

LAYERS = ("linear", *(f"{name}_grouped" for name in FAMILIES))
"""Layers whose kernels are committed."""

TARGETS = {"numpy": ".py", "cython": ".pyx"}
"""What kernels are written in, with the ending of the file."""

DTYPES = {
    "numpy": (
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
        "float32",
        "float64",
        "complex64",
        "complex128",
    ),
    "cython": ("float32", "float64"),
}
DTYPES_IN_WORDS = {
    "numpy": "float32, float64, an integer dtype, complex64 or complex128",
    "cython": "float32 or float64",
}

PARAMETERS = {
    "stride": ("int | Sequence[int]", 1),
    "padding": ("Padding", 0),
    "output_padding": ("int | Sequence[int]", 0),
    "groups": ("int", 1),
    "dilation": ("int | Sequence[int]", 1),
}
"""What the public functions ask about a window, with type and default."""

ORDERS = {
    "conv": ("stride", "padding", "dilation", "groups"),
    "conv_transpose": ("stride", "padding", "output_padding", "groups", "dilation"),
}
"""The order they ask in, by kind of layer, as PyTorch has it."""

SIZES = {"output_size": "P", "transposed_size": "H"}
"""The theorems that the public functions compute the size of the output by."""

FAST = ("conv2d",)
"""Families whose forward pass and input gradient have a form with fewer products."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Derivation:
    """A layer and what was proved about it: all that its files are written from.

    Attributes:
        layer: the forward pass.
        gradients: function name and theorem for people, in named form where one was found.
        kernels: function name and theorem; what the generated functions compute.
        wrt: the one operand it was differentiated by, or None for each of them.

    """

    layer: Layer
    gradients: tuple[tuple[str, Theorem], ...]
    kernels: tuple[tuple[str, Theorem], ...]
    wrt: str | None = None

    @property
    def command(self) -> str:
        """Return the command that writes its files."""
        option = f" --wrt {self.wrt}" if self.wrt else ""
        return f'rot180 derive "{self.layer.text}"{option} -o out'


def quiet(_: str) -> None:
    """Report no progress."""


def derive(spec: str, wrt: str | None = None, progress: Progress = quiet) -> Derivation:
    """Derive and prove the gradients of a layer.

    Args:
        spec: a catalogue name or a layer in the notation.
        wrt: the one operand to differentiate by; None for each of them.
        progress: called with what is being done.

    Raises:
        ValueError: the layer cannot be read, or has no such operand.

    """
    found = replace(layer(spec), name="")
    operands = [t.name for t in found.tensors]
    if wrt is not None and wrt not in operands:
        raise ValueError(f"--wrt: found {wrt!r}, expected one of {', '.join(operands)}")
    gradients = []
    for name in operands if wrt is None else [wrt]:
        progress(f"deriving the gradient by {name}")
        gradients.append((f"grad_{name}", gradient(found, name)))
    progress("deriving the kernels' sums")
    kernels = tuple(
        (name, t)
        for name, t in kernel_theorems(found)
        if wrt is None or name in ("forward", f"grad_{wrt}")
    )
    return Derivation(found, tuple(gradients), kernels, wrt)


def document(
    derivation: Derivation,
    detail: str = "short",
    symbols: Symbols = DEEP_LEARNING,
    more: Sequence[Section] = (),
) -> Document:
    """Return the document of a layer: its gradients, each with its proof, and its pictures.

    Args:
        derivation: what was proved.
        detail: "short", or "full" for every step.
        symbols: the notation.
        more: sections at the end, say of worked examples.

    """
    proved = [t for _, t in derivation.gradients]
    sections = (*illustrated(derivation.layer, symbols), *more)
    return layer_document(derivation.layer, proved, detail, symbols, sections)


def files(derivation: Derivation, progress: Progress = quiet) -> dict[str, str]:
    """Return file name → text of everything but the document that is written for a layer.

    The texts are the same whether the layer came by its name or was written out.
    """
    texts = {"certificate.json": certificates(derivation)}
    for target, ending in TARGETS.items():
        progress(f"writing the {target} kernels")
        texts[f"{target}_kernels{ending}"] = module(derivation, target)
    texts[HEADER] = render_contraction()
    return texts


def module(derivation: Derivation, target: str) -> str:
    """Return the text of a layer's kernels."""
    return render_module(derivation.layer, derivation.kernels, target, header(derivation))


def certificates(derivation: Derivation) -> str:
    """Return the proofs of a layer's theorems, and what they state, as JSON text."""
    return certificate({"layer": derivation.layer.text}, [t for _, t in theorems(derivation)])


def certificate(source: dict[str, str], proved: Iterable[Theorem]) -> str:
    """Return what theorems state and their proofs as JSON text, under what they are about."""
    proofs, statements = {}, {}
    for t in proved:
        proofs[t.name] = json.loads(dumps(t.proof))
        statements[t.name] = str(replace(t, words=""))
    return _json({**source, "statements": statements, "proofs": proofs})


def theorems(derivation: Derivation) -> tuple[tuple[str, Theorem], ...]:
    """Return all that was proved about a layer, by the function it is about."""
    return (*derivation.gradients, *derivation.kernels)


def header(derivation: Derivation) -> str:
    """Return what the comment at the top of a generated module says."""
    kernels = [f"  {name}: {t.name}, proof {t.proof.digest}" for name, t in derivation.kernels]
    return _lines(
        "Generated by rot180 from proved theorems; do not edit.",
        f"Layer: {derivation.layer.text}",
        "Theorems:",
        *kernels,
        f"Regenerate: {derivation.command}",
    )


def generated(progress: Progress = quiet) -> dict[str, str]:
    """Return file name → text of everything in ``rot180.generated`` that is committed."""
    derivations = {}
    for name in LAYERS:
        progress(f"deriving {name}")
        derivations[name] = derive(name)
    texts: dict[str, str] = {}
    manifest: dict[str, dict[str, str]] = {}
    sizes = {size: theorem(size).proof.digest for size in SIZES}
    for name, derivation in derivations.items():
        progress(f"writing numpy {name}")
        file = f"numpy_{name}.py"
        texts[file] = module(derivation, "numpy")
        manifest[file] = {t.name: t.proof.digest for _, t in derivation.kernels}
    texts["numpy_kernels.py"] = _public_numpy(derivations)
    manifest["numpy_kernels.py"] = sizes | {
        f"{name}.{function}": t.proof.digest
        for name, derivation in derivations.items()
        for function, t in derivation.gradients
    }
    progress("writing the compiled kernels")
    proofs = sizes | {
        f"{name}.{function}": t.proof.digest
        for name, derivation in derivations.items()
        for function, t in derivation.kernels
    }
    texts["cython_kernels.pyx"] = _public_cython(derivations, proofs)
    manifest["cython_kernels.pyx"] = proofs
    texts[HEADER], manifest[HEADER] = render_contraction(), {}
    texts[winograd.HEADER] = winograd.render_header()
    manifest[winograd.HEADER] = {name: theorem(name).proof.digest for name in winograd.proofs()}
    texts["__init__.py"] = template("kernels", "public_init.py.jinja").render(
        header=_public_header().splitlines(), functions=public_functions()
    )
    manifest["__init__.py"] = {}
    progress("proving the registry")
    proved = list(theorems_of_registry())
    for t in proved:
        file = f"{CERTIFICATES}/{t.name}.json"
        texts[file], manifest[file] = dumps(t.proof), {t.name: t.proof.digest}
    progress("writing proof scripts")
    for file, text in script.scripts(proved).items():
        texts[f"{SCRIPTS}/{file}"] = text
        name = file.removesuffix(".v")
        manifest[f"{SCRIPTS}/{file}"] = {t.name: t.proof.digest for t in proved if t.name == name}
    texts["MANIFEST.json"] = _json(manifest)
    return texts


CERTIFICATES, SCRIPTS = "certificates", "rocq"
"""Folders in ``rot180.generated``: a proof of each theorem as data, and for a proof assistant."""

GENERATED_PATTERNS = (
    "numpy_*.py",
    "cython_*.py",
    "cython_*.pyx",
    "*.h",
    f"{CERTIFICATES}/*.json",
    f"{SCRIPTS}/*.v",
)
"""Files in ``rot180.generated`` that only `generated` may put there."""


def public_functions() -> tuple[str, ...]:
    """Return the names of the public kernels."""
    parts = ("", "_bias", "_input", "_weight")
    return tuple(f"{name}{part}" for name in (*FAMILIES, "linear") for part in parts)


def _public_numpy(derivations: dict[str, Derivation]) -> str:
    """Return the text of the public functions on NumPy's kernels."""
    return template("kernels", "public_kernels.py.jinja").render(
        header=_public_header().splitlines(),
        modules=[f"numpy_{name}" for name in sorted(LAYERS)],
        functions=public_functions(),
        dtypes=DTYPES["numpy"],
        dtypes_in_words=DTYPES_IN_WORDS["numpy"],
        families=[_family(name, derivations[f"{name}_grouped"]) for name in FAMILIES],
        sizes={size: _indented(write_statement(theorem(size))) for size in SIZES},
        linear={"core": "numpy_linear", "sum": _sums(derivations["linear"])},
    )


def _public_cython(derivations: dict[str, Derivation], proofs: dict[str, str]) -> str:
    """Return the text of the compiled kernels and their public functions."""
    named = {name.removesuffix("_grouped"): d for name, d in derivations.items()}
    sums = {
        name: module_text(d.layer, d.kernels, "cython", prefix=f"{name}_")
        for name, d in named.items()
    }
    theorems = [f"  {name}, proof {digest}" for name, digest in proofs.items()]
    return template("kernels", "public_kernels.pyx.jinja").render(
        header=_lines(
            "Generated by rot180 from proved theorems; do not edit.",
            "Theorems:",
            *theorems,
            "Regenerate: rot180 generate",
        ).splitlines(),
        functions=public_functions(),
        dtypes_in_words=DTYPES_IN_WORDS["cython"],
        modules=list(sums.values()),
        module=replace(sums["linear"], tests=any(m.tests for m in sums.values())),
        most_axes=max(len(t.shape) for d in named.values() for t in d.layer.tensors),
        families=[
            _family(name, d) | {"integers": _integers(name, sums[name], d.layer)}
            for name, d in named.items()
            if name in FAMILIES
        ],
        sizes_in_c={size: size_in_c(theorem(size), letter) for size, letter in SIZES.items()},
        linear={
            "sum": _sums(named["linear"]),
            "integers": {
                k.name.removeprefix("linear_"): ", ".join(k.integers)
                for k in sums["linear"].kernels
            },
        },
    )


def _integers(name: str, module: ModuleText, layer: Layer) -> dict[str, str]:
    """Return what the sums of each kernel of a family are passed, from a ``Window v``."""
    letters = axes(int(name[-2]))
    x, w, y = (next(t for t in (*layer.tensors, layer.output) if t.name == n) for n in "xwy")
    values = dict(zip(map(str, x.shape), ("v.batch", "v.groups", "v.channels"), strict=False))
    values[str(y.shape[2])] = "v.outputs"
    for a, axis in enumerate(letters):
        at = a - len(letters)
        values |= {axis.stride: f"v.stride[{a}]", axis.dilation: f"v.dilation[{a}]"}
        values |= {axis.low: f"v.low[{a}]", str(x.shape[at]): f"v.size[{a}]"}
        values |= {str(w.shape[at]): f"v.taps[{a}]", str(y.shape[at]): f"v.out[{a}]"}
    return {
        kernel.name.removeprefix(f"{name}_"): ", ".join(values[i] for i in kernel.integers)
        for kernel in module.kernels
    }


def _family(name: str, derivation: Derivation) -> dict[str, object]:
    """Return what the templates need to know about a convolution, transposed or not."""
    kind, letters = name[:-2], axes(int(name[-2]))
    order = ORDERS[kind]
    transposed = kind == "conv_transpose"
    spatial, taps, output = (
        _shape("DHW"[-len(letters) :], end) for end in ("", "_taps", "_out")
    )
    return {
        "name": name,
        "record": name.upper(),
        "core": f"numpy_{name}_grouped",
        "rank": len(letters),
        "all_axes": len(letters) + 2,
        "transposed": transposed,
        "fast": name in FAST,
        "parameters": [(word, *PARAMETERS[word]) for word in order],
        "arguments": ", ".join(word if word in order else "0" for word in PARAMETERS),
        "keywords": ", ".join(f"{word}={word}" for word in order),
        "adjoint": name.replace("_transpose", ""),
        "axes": f"{len(letters)}-dimensional",
        "strides": tuple(a.stride for a in letters),
        "dilations": tuple(a.dilation for a in letters),
        "lows": tuple(a.low for a in letters),
        "input": f"(N, C, {spatial})",
        "weight": f"(C, O/groups, {taps})" if transposed else f"(O, C/groups, {taps})",
        "output": f"(N, O, {output})",
        "sum": _sums(derivation),
    }


def _shape(axes: Iterable[str], ending: str) -> str:
    return ", ".join(f"{axis}{ending}" for axis in axes)


def _sums(derivation: Derivation) -> dict[str, str]:
    """Return what each function of a core module computes, indented for a docstring."""
    gradients = {name: _indented(write_statement(t)) for name, t in derivation.gradients}
    return {"forward": derivation.layer.text} | gradients


def _indented(text: str) -> str:
    return text.replace("\n", "\n" + 8 * " ")


def _public_header() -> str:
    return _lines(
        "Generated by rot180; do not edit.",
        "MANIFEST.json beside this file lists the theorems and the hashes of their proofs.",
        "Regenerate: rot180 generate",
    )


def _lines(*lines: str) -> str:
    return "\n".join(lines)


def _json(data: object) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
