"""The trusted base: rules, side conditions, replay."""
