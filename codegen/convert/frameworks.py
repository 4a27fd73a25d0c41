"""All layers of all frameworks."""

from __future__ import annotations

from rot180.codegen.convert.jax import JAX
from rot180.codegen.convert.keras import KERAS
from rot180.codegen.convert.layer_data import FrameworkLayer
from rot180.codegen.convert.onnx import ONNX
from rot180.codegen.convert.pytorch import PYTORCH
from rot180.codegen.convert.tensorflow import TENSORFLOW

LAYERS: tuple[FrameworkLayer, ...] = (*PYTORCH, *JAX, *ONNX, *TENSORFLOW, *KERAS)
"""The layers, in the order in which a conversion tries them."""

FRAMEWORKS = tuple(dict.fromkeys(one.framework for one in LAYERS))
"""The names of the frameworks."""
