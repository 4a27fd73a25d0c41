"""The search for proofs; nothing here is trusted."""
