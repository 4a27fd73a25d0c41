"""Evidence that knows no rule: finite models, counterexamples, an SMT solver."""
