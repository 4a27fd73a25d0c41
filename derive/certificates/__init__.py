"""Proofs as JSON texts, the files that replay and the checker read."""
