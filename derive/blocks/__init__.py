"""Which block of every operand a block of a layer's output needs, as theorems."""

from rot180.derive.blocks.block import Block, block

__all__ = ["Block", "block"]
