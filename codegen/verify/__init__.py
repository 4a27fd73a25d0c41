"""What `rot180 verify` says about certificates."""
