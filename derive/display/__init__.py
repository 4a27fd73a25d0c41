"""Statements and proofs as text, LaTeX and MathML."""
