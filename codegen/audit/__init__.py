"""The judge of other people's kernels: configurations, exact expectations, bounds and diagnoses.

For tests: `assert_gradient`, `assert_adjoint`, and `configurations`, a strategy of Hypothesis.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rot180.codegen.audit.adjoint import assert_adjoint
    from rot180.codegen.audit.layer_call import LayerCall
    from rot180.codegen.audit.runs import assert_gradient
    from rot180.codegen.audit.strategies import configurations

__all__ = ["LayerCall", "assert_adjoint", "assert_gradient", "configurations"]

_HOMES = {
    "LayerCall": "layer_call",
    "assert_adjoint": "adjoint",
    "assert_gradient": "runs",
    "configurations": "strategies",
}


def __getattr__(name: str) -> Any:
    # pytest imports its plugin with this package, and SymPy takes long to import
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
