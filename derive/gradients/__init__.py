"""The gradients of a layer, derived by the chain rule."""
