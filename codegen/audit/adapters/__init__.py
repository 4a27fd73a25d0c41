"""Functions of frameworks, called as rot180's public functions; each needs its framework."""
