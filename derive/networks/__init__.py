"""Networks of layers in sequence, as programs; the five steps of backpropagation."""
