"""Figures, drawn from the index maps of what is proved."""
