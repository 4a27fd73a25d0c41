"""What can be said: polynomials, terms, the notation, layers."""
