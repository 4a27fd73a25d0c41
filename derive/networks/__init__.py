"""Layers in a row, and their gradients by citation."""
