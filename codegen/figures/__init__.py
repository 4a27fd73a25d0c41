"""Figures, drawn from the index maps that were proved."""
