"""Which block of every operand a block of a layer's output needs, as theorems."""

from rot180.derive.blocks.block import LayerBlock, block

__all__ = ["LayerBlock", "block"]
