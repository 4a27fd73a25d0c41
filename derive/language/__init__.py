"""The term language: polynomials, terms, the notation, layers."""
