"""Documents: what they say, and how LaTeX, HTML and PDF lay it out."""
