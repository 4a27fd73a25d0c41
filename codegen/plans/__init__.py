"""Plans: theorems lowered to loops over affine index maps."""
