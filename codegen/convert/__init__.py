"""From one framework's arguments of a convolution to another's."""
