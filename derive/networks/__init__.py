"""Networks of layers in sequence, and their gradients from cited theorems."""
