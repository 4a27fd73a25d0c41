"""Run the generated conv2d and its gradients on a photograph and draw what they give.

    python examples/photograph.py photograph.png

The two filters are Sobel's, on the brightness: they see vertical and horizontal edges. The loss is
half the energy of the edges, so its gradient by the photograph says how each pixel would have to
change for stronger edges; it is checked against a finite difference on the way.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage import data

from rot180.generated import backend, conv2d, conv2d_input, conv2d_weight

Array = npt.NDArray[Any]

BRIGHTNESS = np.array([0.299, 0.587, 0.114])
SOBEL = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
PADDING = 1


def filters() -> Array:
    """Return the two Sobel filters on the brightness, shape (2, 3, 3, 3)."""
    both = np.stack([SOBEL, SOBEL.T])
    return both[:, None] * BRIGHTNESS[None, :, None, None]


def loss(image: Array, weight: Array) -> float:
    """Return half the energy of the edges of an image, shape (1, 3, H, W)."""
    return 0.5 * float((conv2d(image, weight, padding=PADDING) ** 2).sum())


def slopes(image: Array, weight: Array, gradient: Array) -> tuple[float, float]:
    """Return the slope of the loss along one direction: by the gradient, and by a difference."""
    direction = np.random.default_rng(0).standard_normal(image.shape)
    step = 1e-3
    up, down = (loss(image + t * direction, weight) for t in (step, -step))
    return float((gradient * direction).sum()), (up - down) / (2 * step)


def panel(values: Array) -> Array:
    """Scale values to bytes, the largest magnitude being white (and black, if there are signs)."""
    most = float(np.quantile(np.abs(values), 0.995)) or 1.0
    low = -most if (values < 0).any() else 0.0
    scaled: Array = np.clip((values - low) / (most - low), 0, 1) * 255
    return np.repeat(scaled.astype(np.uint8)[:, :, None], 3, axis=2)


def main(path: str) -> None:
    """Draw photograph, edges, and input gradient side by side.

    Args:
        path: the PNG file to write.

    """
    photograph = data.astronaut()
    image = np.ascontiguousarray(photograph.transpose(2, 0, 1)[None] / 255.0)
    weight = filters()

    edges = conv2d(image, weight, padding=PADDING)
    grad_output = edges  # of half the energy
    grad_image = conv2d_input(image.shape, weight, grad_output, padding=PADDING)
    grad_weight = conv2d_weight(image, weight.shape, grad_output, padding=PADDING)

    by_gradient, by_difference = slopes(image, weight, grad_image)
    print(f"backend: {backend()}")
    print(f"image {image.shape}, edges {edges.shape}, loss {loss(image, weight):.3f}")
    print(f"slope along a direction: {by_gradient:.6f}, by a difference: {by_difference:.6f}")
    # The loss is quadratic in the weight, so the weight gradient gives back twice the loss.
    print(f"<weight gradient, weight> / 2 = {0.5 * float((grad_weight * weight).sum()):.3f}")

    panels = [
        photograph,
        panel(np.hypot(edges[0, 0], edges[0, 1])),
        panel(np.tensordot(BRIGHTNESS, grad_image[0], axes=1)),
    ]
    gap = np.full((photograph.shape[0], 8, 3), 255, np.uint8)
    Image.fromarray(np.hstack([panels[0], gap, panels[1], gap, panels[2]])).save(path)
    print(f"written: {path} (photograph, edges, gradient by the photograph)")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "photograph.png")
