"""Everything in ``rot180.generated`` that is committed."""

from __future__ import annotations

from rot180.codegen.kernels import winograd_transforms
from rot180.codegen.kernels.c_runtime import HEADER, render_contraction
from rot180.codegen.kernels.derivation import Progress, as_json, derive, module, quiet
from rot180.codegen.kernels.public_api import (
    FAMILIES,
    SIZES,
    public_cython,
    public_init,
    public_numpy,
)
from rot180.codegen.rocq import script
from rot180.codegen.system.files import CERTIFICATES, SCRIPTS
from rot180.derive.certificates.writer import dumps
from rot180.derive.theorems import theorem, theorems

LAYERS = ("linear", *(f"{name}_grouped" for name in FAMILIES))
"""Layers whose kernels are committed."""

GENERATED_PATTERNS = (
    "numpy_*.py",
    "cython_*.py",
    "cython_*.pyx",
    "*.h",
    f"{CERTIFICATES}/*.json",
    f"{SCRIPTS}/*.v",
)
"""Files in ``rot180.generated`` that only `generated` may put there."""


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
    texts["numpy_kernels.py"] = public_numpy(derivations)
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
    texts["cython_kernels.pyx"] = public_cython(derivations, proofs)
    manifest["cython_kernels.pyx"] = proofs
    texts[HEADER], manifest[HEADER] = render_contraction(), {}
    texts[winograd_transforms.HEADER] = winograd_transforms.render_header()
    manifest[winograd_transforms.HEADER] = {
        name: theorem(name).proof.digest for name in winograd_transforms.proofs()
    }
    texts["__init__.py"] = public_init()
    manifest["__init__.py"] = {}
    progress("proving the registry")
    proved = list(theorems())
    for t in proved:
        file = f"{CERTIFICATES}/{t.name}.json"
        texts[file], manifest[file] = dumps(t.proof), {t.name: t.proof.digest}
    progress("writing proof scripts")
    for file, text in script.scripts(proved).items():
        texts[f"{SCRIPTS}/{file}"] = text
        name = file.removesuffix(".v")
        manifest[f"{SCRIPTS}/{file}"] = {t.name: t.proof.digest for t in proved if t.name == name}
    texts["MANIFEST.json"] = as_json(manifest)
    return texts
