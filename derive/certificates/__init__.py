"""Proofs as JSON texts: what replay and the checker read from files."""
