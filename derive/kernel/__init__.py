"""The trusted base: rules, side conditions, replay. Importing it declares the rules."""

from rot180.derive.kernel import citing, rules, tables

__all__ = ["citing", "rules", "tables"]
