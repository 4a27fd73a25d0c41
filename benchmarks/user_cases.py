"""Layers of one's own, as `rot180.codegen.compile` takes them: the class `users`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.operations import FORWARD, INPUT, WEIGHT

Axes = tuple[str, ...]
"""The names of the sizes of an array's axes."""


@dataclass(frozen=True, slots=True)
class UserLayer:
    """A layer that is compiled when it is measured.

    Attributes:
        text: its definition, or a program.
        operands: the axes of each operand.
        output: the axes of the output.
        gradients: the operand by which each gradient is taken.
        summed: the sizes whose product is how many terms an entry of each result has.
        work: the sizes whose product is how many products an operation takes; empty where they
            are not what takes the time.
        parameters: the sizes that are keyword arguments.
        named: the axes of an array that the program defines, where a call has to give its shape.

    """

    text: str
    operands: dict[str, Axes]
    output: Axes
    gradients: dict[str, str]
    summed: dict[str, Axes]
    work: Axes = ()
    parameters: Axes = ()
    named: dict[str, Axes] | None = None

    @property
    def arrays(self) -> dict[str, Axes]:
        """Return the axes of every array: operands, the output, and what the program defines."""
        return {**self.operands, **(self.named or {}), "y": self.output}


def _layer(
    text: str, operands: str, output: str, gradients: str, summed: str, work: str = ""
) -> UserLayer:
    """Return a layer whose axes are letters.

    Args:
        text: its definition.
        operands: the letters of each operand, such as ``"x:NI w:OI"``.
        output: the letters of the output.
        gradients: the operands by which the gradients are taken, at most two.
        summed: the letters of the sums of the output and of each gradient; a dot for none.
        work: the letters of the products.

    """
    pairs = (word.split(":") for word in operands.split())
    sums = (tuple(word.strip(".")) for word in summed.split())
    by = dict(zip((INPUT, WEIGHT), gradients.split(), strict=False))
    return UserLayer(
        text,
        {name: tuple(letters) for name, letters in pairs},
        tuple(output),
        by,
        dict(zip((FORWARD, *by), sums, strict=True)),
        tuple(work),
    )


USER_LAYERS = {
    "NHWC strided convolution": UserLayer(
        "y[n,p,q,o] = sum[c,i,j] x[n,s*p+i-lo,s*q+j-lo,c] * w[i,j,c,o]",
        {"x": ("N", "H", "H", "C"), "w": ("K", "K", "C", "O")},
        ("N", "P", "P", "O"),
        {INPUT: "x", WEIGHT: "w"},
        {FORWARD: ("C", "K", "K"), INPUT: ("O", "K", "K"), WEIGHT: ("N", "P", "P")},
        ("N", "P", "P", "O", "C", "K", "K"),
        ("s", "lo"),
    ),
    "locally connected": _layer(
        "y[n,o,p,q] = sum[c,i,j] x[n,c,p+i,q+j] * w[o,c,p,q,i,j]",
        "x:NCHH w:OCPPKK", "NOPP", "x w", "CKK OKK N", "NOPPCKK",
    ),
    "bilinear": _layer(
        "y[n,o] = sum[i,j] a[n,i] * w[o,i,j] * b[n,j]",
        "a:NI w:OIJ b:NJ", "NO", "a w", "IJ OJ N", "NOIJ",
    ),
    "QK^T": _layer(
        "y[n,h,i,j] = sum[d] q[n,h,i,d] * k[n,h,j,d]",
        "q:NHID k:NHJD", "NHIJ", "q k", "D J I", "NHIJD",
    ),
    "attention": UserLayer(
        """q[N,I,D]; k[N,J,D]; v[N,J,E]
        z[n,i,j] = sum[d] q[n,i,d] * k[n,j,d] / 8
        m[n,i] = max[j] z[n,i,j]
        e[n,i,j] = exp(z[n,i,j] - m[n,i])
        y[n,i,f] = sum[j] e[n,i,j] * v[n,j,f] / sum[j] e[n,i,j]""",
        {"q": ("N", "I", "D"), "k": ("N", "J", "D"), "v": ("N", "J", "E")},
        ("N", "I", "E"),
        {INPUT: "q", WEIGHT: "v"},
        {FORWARD: ("J", "D"), INPUT: ("J", "E"), WEIGHT: ("I", "D")},
    ),
    "layer normalization": UserLayer(
        """x[N,C]; g[C]; b[C]
        m[n] = sum[c] x[n,c] / C
        v[n] = sum[c] (x[n,c] - m[n])^2 / C
        y[n,c] = (x[n,c] - m[n]) * rsqrt(v[n] + 1/100000) * g[c] + b[c]""",
        {"x": ("N", "C"), "g": ("C",), "b": ("C",)},
        ("N", "C"),
        {INPUT: "x", WEIGHT: "g"},
        {FORWARD: ("C",), INPUT: ("C",), WEIGHT: ("N",)},
    ),
    "max pooling": UserLayer(
        """x[N,C,H,W]; u[N,C,P,Q,I,J]
        u[n,c,p,q,i,j] = x[n,c,s*p+i,s*q+j]
        y[n,c,p,q] = max[i,j] u[n,c,p,q,i,j]""",
        {"x": ("N", "C", "H", "H")},
        ("N", "C", "P", "P"),
        {INPUT: "x"},
        {FORWARD: (), INPUT: ("K", "K")},
        parameters=("s",),
        named={"u": ("N", "C", "P", "P", "K", "K")},
    ),
    "softmax": _layer(
        """x[N,I]
        m[n] = max[i] x[n,i]
        e[n,i] = exp(x[n,i] - m[n])
        y[n,i] = e[n,i] / sum[j] e[n,j]""",
        "x:NI", "NI", "x", "I I",
    ),
}  # fmt: skip
"""The layers, by name."""


@dataclass(frozen=True, slots=True)
class UserCase:
    """One layer of one's own at one size.

    Attributes:
        category: the class of the case.
        name: a key of `USER_LAYERS`.
        sizes: the sizes and parameters, each with its name.
        dtype: `float32` or `float64`.
        quick: whether `--quick` measures it.

    """

    category: str
    name: str
    sizes: tuple[tuple[str, int], ...]
    dtype: str = "float32"
    quick: bool = False

    @property
    def layer(self) -> UserLayer:
        """Return the layer."""
        return USER_LAYERS[self.name]

    def shape(self, array: str) -> tuple[int, ...]:
        """Return the shape of an operand, of the output `y`, or of what the program defines."""
        return self._numbers(self.layer.arrays[array])

    def _numbers(self, names: Axes) -> tuple[int, ...]:
        known = dict(self.sizes)
        return tuple(known[name] for name in names)

    @property
    def flops(self) -> int:
        """Return the additions and multiplications; 0 where they are not what takes the time."""
        return 2 * math.prod(self._numbers(self.layer.work)) if self.layer.work else 0

    def terms(self, operation: str) -> int:
        """Return about how many products are summed for one entry of a result."""
        return math.prod(self._numbers(self.layer.summed[operation]))

    @property
    def keywords(self) -> dict[str, int]:
        """Return the parameters as keyword arguments."""
        known = dict(self.sizes)
        return {name: known[name] for name in self.layer.parameters}

    def __str__(self) -> str:
        """Return the name and the sizes, for a table."""
        return f"{self.name}: {', '.join(f'{name} {n}' for name, n in self.sizes)}"


def _case(name: str, quick: bool = False, **sizes: int) -> UserCase:
    return UserCase("users", name, tuple(sizes.items()), quick=quick)


USER_CASES = (
    _case("NHWC strided convolution", True, N=8, H=28, P=14, C=128, O=128, K=3, s=2, lo=1),
    _case("NHWC strided convolution", N=8, H=56, P=28, C=64, O=64, K=3, s=2, lo=1),
    _case("locally connected", True, N=8, H=16, P=14, C=16, O=16, K=3),
    _case("locally connected", N=32, H=32, P=30, C=3, O=8, K=3),
    _case("bilinear", True, N=64, O=64, I=64, J=64),
    _case("bilinear", N=32, O=128, I=100, J=100),
    _case("QK^T", True, N=2, H=8, I=128, J=128, D=32),
    _case("QK^T", N=4, H=8, I=256, J=256, D=64),
    _case("attention", True, N=8, I=128, J=128, D=64, E=64),
    _case("attention", N=16, I=256, J=256, D=64, E=64),
    _case("layer normalization", True, N=256, C=768),
    _case("layer normalization", N=4096, C=256),
    _case("max pooling", True, N=8, C=32, H=28, P=14, K=2, s=2),
    _case("max pooling", N=8, C=64, H=56, P=28, K=2, s=2),
    _case("softmax", True, N=256, I=1000),
    _case("softmax", N=4096, I=128),
)
"""The cases of the class `users`."""
