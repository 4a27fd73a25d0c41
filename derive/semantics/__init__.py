"""Evidence independent of the rules: finite models, counterexamples, an SMT solver."""
