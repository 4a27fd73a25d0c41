"""Everything in ``rot180.generated`` that is committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from rot180.codegen.kernels.c_runtime import (
    HEADER,
    WINOGRAD_HEADER,
    render_contraction,
    render_winograd,
)
from rot180.codegen.kernels.dask_modules import blocks_of
from rot180.codegen.kernels.derivation import (
    Progress,
    ProvedLayer,
    as_json,
    derive,
    module,
    quiet,
)
from rot180.codegen.kernels.modules import proved_plans
from rot180.codegen.kernels.numpy_runtime import runtime_modules
from rot180.codegen.kernels.public_api import LAYERS, PublicLayer
from rot180.codegen.kernels.public_modules import (
    ShippedLayer,
    cython_kernels,
    cython_stub,
    numpy_modules,
    public_init,
    shipped,
)
from rot180.codegen.kernels.winograd_transforms import proofs as winograd_proofs
from rot180.codegen.rocq import script
from rot180.codegen.system.files import CERTIFICATES, SCRIPTS
from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.theorems import theorem, theorems

GENERATED_PATTERNS = (
    "numpy_*.py",
    "dask*.py",
    "cython_*.py",
    "cython_*.pyx",
    "cython_*.pyi",
    "*.h",
    f"{CERTIFICATES}/*.json",
    f"{SCRIPTS}/*.v",
)
"""Files in ``rot180.generated`` that only `generated` may put there."""


PLAN = "plan."
"""What the name of a theorem about a committed plan begins with."""

BLOCK = "block."
"""What the name of a theorem about blocks of a committed layer begins with."""

Manifest = dict[str, dict[str, str]]


def generated(progress: Progress = quiet) -> dict[str, str]:
    """Return file name → text of everything in ``rot180.generated`` that is committed."""
    texts, manifest = kernels(LAYERS, progress)
    texts[HEADER], manifest[HEADER] = render_contraction(), {}
    texts[WINOGRAD_HEADER] = render_winograd()
    manifest[WINOGRAD_HEADER] = {name: theorem(name).proof.digest for name in winograd_proofs()}
    progress("proving the registry")
    proved = [*theorems(), *plans(LAYERS), *blocks(LAYERS)]
    for t in proved:
        file = f"{CERTIFICATES}/{t.name}.json"
        texts[file], manifest[file] = dumps(t.proof), {t.name: t.proof.digest}
    progress("writing proof scripts")
    for file, text in script.scripts(proved).items():
        texts[f"{SCRIPTS}/{file}"] = text
        of = (t for t in proved if script.file_name(t) == file)
        manifest[f"{SCRIPTS}/{file}"] = {t.name: t.proof.digest for t in of}
    texts["MANIFEST.json"] = as_json(manifest)
    return texts


def plans(entries: Sequence[PublicLayer]) -> list[Theorem]:
    """Return for each kernel of some layers the theorem that its plan computes what it should.

    Raises:
        LoweringError: a kernel's plan is not proved.

    """
    found = []
    for entry in entries:
        layer = _derived(entry.layer)
        proofs = proved_plans(layer.layer, layer.kernels)
        for (word, _), proved in zip(layer.kernels, proofs, strict=True):
            name = f"{PLAN}{entry.core.removeprefix('numpy_')}.{word}"
            found.append(replay(replace(proved.theorem.proof, name=name)))
    return found


def blocks(entries: Sequence[PublicLayer]) -> list[Theorem]:
    """Return the theorems on blocks of the layers with one spatial axis, whose windows are shared.

    Raises:
        NotProvedError: a block is not proved.

    """
    one_axis = (e for e in entries if e.window and e.window.rank == 1)
    found = (block.theorem for entry in one_axis for _, block in blocks_of(entry))
    named = (replace(t.proof, name=f"{BLOCK}{t.proof.name.rpartition('.')[0]}") for t in found)
    return [replay(proof) for proof in named]


@cache
def _derived(spec: str) -> ProvedLayer:
    return derive(spec)


def kernels(
    entries: Sequence[PublicLayer], progress: Progress = quiet
) -> tuple[dict[str, str], Manifest]:
    """Return the modules of layers and of their public functions, and the theorems behind each.

    Args:
        entries: the layers.
        progress: called with what is being done.

    Raises:
        ValueError: an entry does not fit its layer.

    """
    layers = []
    texts = runtime_modules()
    manifest: Manifest = {file: {} for file in texts}
    for entry in entries:
        progress(f"deriving {entry.layer}")
        layers.append(shipped(entry, _derived(entry.layer)))
    for layer in layers:
        progress(f"writing numpy {layer.entry.name}")
        file = f"{layer.entry.core}.py"
        texts[file] = module(layer.proved, "numpy", shared=True)
        manifest[file] = {t.name: t.proof.digest for _, t in layer.proved.kernels}
    progress("writing the public functions")
    for_people, for_kernels = _proofs(layers)
    for file, (text, proofs) in numpy_modules(layers).items():
        texts[file], manifest[file] = text, proofs
    texts["cython_kernels.pyx"] = cython_kernels(layers, for_kernels)
    manifest["cython_kernels.pyx"] = for_kernels
    texts["cython_kernels.pyi"], manifest["cython_kernels.pyi"] = cython_stub(layers), for_people
    texts["__init__.py"], manifest["__init__.py"] = public_init(entries), {}
    return texts, manifest


def _proofs(layers: Sequence[ShippedLayer]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the theorems that people read beside the functions, and those of the kernels."""
    sizes = {x.geometry.size.name: x.geometry.size.proof.digest for x in layers if x.geometry}
    for_people = {name: digest for x in layers for name, digest in x.proofs.items()}
    named = [(x.entry.core.removeprefix("numpy_"), x.proved) for x in layers]
    for_kernels = {f"{n}.{word}": t.proof.digest for n, p in named for word, t in p.kernels}
    return sizes | for_people, sizes | for_kernels
