"""Proof scripts: every step of a proof as a lemma for Rocq."""
