"""Proof scripts for Rocq: every step of a proof becomes a lemma."""
