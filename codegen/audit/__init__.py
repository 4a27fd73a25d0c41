"""The judge of other people's kernels: configurations, exact expectations, bounds and diagnoses."""
