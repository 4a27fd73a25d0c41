"""Documents: their contents, and their layout in LaTeX, HTML and PDF."""
