"""Wrong gradients of convolutions by the weight. Expressions and sizes are those of one axis.

In the code, `hi` is `lo` unless a configuration says otherwise.
"""

from __future__ import annotations

from rot180.codegen.audit.museum import Entry

_GITHUB = "https://github.com"
_BY_WEIGHT = "sum[n,p] grad_y[n,o,p] * x[n,c,s*p+d*k-lo]"
_DECLARED_WEIGHT = "grad_y[N,O,P]; x[N,C,H]; grad_w[O,C,W]; "
_WINDOWS = ("P", "(H + lo + hi - d*(K-1) - 1)//s + 1")
_TAPS = (("W", "(H + 2*lo - s*(P-1) - 1)//d + 1"),)
"""The taps that a correlation of x with the dilated gradient has: K + floor(remainder / d)."""

WEIGHTS: tuple[Entry, ...] = (
    Entry(
        key="ctensor_3",
        project="cTensor",
        issue=3,
        year=2019,
        references=(f"{_GITHUB}/sebgao/cTensor/issues/3",),
        layer="conv1d",
        operand="w",
        wrong=f"grad_w[o,c,k] = scale * {_BY_WEIGHT}",
        summary="The gradient was divided by the batch size times the number of windows: a mean "
        "where the chain rule has a sum.",
        fails=("H=2 K=1 P=2",),
        agrees=("H=1 K=1 P=1",),
        derived=(("scale", "1/(N*P)"),),
        mistake="the mean over batch and axis p taken, not the sum",
    ),
    Entry(
        key="coursera_7_weight",
        project="a solution of a deep-learning course",
        issue=7,
        year=2019,
        references=(f"{_GITHUB}/enggen/Deep-Learning-Coursera/issues/7",),
        layer="conv1d",
        operand="w",
        wrong="grad_w[o,c,k] = sum[n,p] grad_y[n,o,p] * x[n,c,p+k-lo]",
        summary="As for the input: window p was taken from place p on, not from place s*p on.",
        fails=("H=3 K=1 s=2 P=2", "H=4 K=2 s=2 P=2"),
        agrees=("H=2 K=1 s=2 P=1", "H=4 K=2 P=5 lo=1"),
        mistake="stride ignored",
    ),
    Entry(
        key="opacus_1",
        project="Opacus",
        issue=1,
        year=2020,
        references=(f"{_GITHUB}/meta-pytorch/opacus/issues/1",),
        layer="conv1d",
        operand="w",
        wrong="grad_w[o,c,k] = sum[n,p] grad_y[n,o,p] * x[n,c,p+k]",
        summary="The windows were cut out with stride 1 and no padding, whatever the layer had. "
        "Where that gives another number of windows, a reshape failed; where it gives the same "
        "number, the gradients of the examples, summed here, were silently wrong.",
        fails=("H=2 K=1 s=2 P=2 lo=1", "H=5 K=3 s=2 P=3 lo=1"),
        agrees=("H=5 K=3 P=3",),
        outcome="error",
        mistake="stride and padding ignored",
    ),
    Entry(
        key="backpack_30",
        project="BackPACK",
        issue=30,
        year=2020,
        references=(f"{_GITHUB}/f-dangel/backpack/issues/30",),
        layer="conv1d",
        operand="w",
        wrong=f"{_DECLARED_WEIGHT}grad_w[o,c,k] = {_BY_WEIGHT}",
        summary="The padded input was correlated with the output gradient, stride and dilation "
        "exchanged. Without cutting off the remainder, that gives floor(remainder / d) taps too "
        "many; the first K are right.",
        fails=("H=2 K=1 s=2 P=1", "H=6 K=3 s=3 P=3 lo=2"),
        agrees=("H=3 K=1 s=2 P=2", "H=8 K=2 s=2 d=2 P=3", "H=5 K=3 P=3"),
        derived=_TAPS,
        outcome="error",
        mistake="remainder ignored: the shape is too large",
    ),
    Entry(
        key="pytorch_51430",
        project="PyTorch, torch.nn.grad",
        issue=51430,
        year=2021,
        references=(
            f"{_GITHUB}/pytorch/pytorch/issues/51430",
            f"{_GITHUB}/pytorch/pytorch/pull/81839",
        ),
        layer="x[N,I,H]; w[G,O,C,K]; y[N,G,O,P]; y[n,g,o,p] = "
        "sum[c,k] x[n,C*g+c,s*p+d*k-lo] * w[g,o,c,k]",
        operand="w",
        wrong="x[N,I,H]; grad_y[N,G,O,P]; grad_w[G,O,C,K]; grad_w[g,o,c,k] = "
        "sum[n,p] grad_y[n,g,o,p] * x[n,G*c+g,s*p+d*k-lo]",
        summary="The output gradient was repeated once for each channel of a group and lined up "
        "with the channels of the input in the wrong order: filters of group g met channel G*c+g, "
        "as if groups were interleaved, not channel C*g+c.",
        fails=("G=2 C=2 I=4 H=1 K=1 P=1", "G=2 C=2 O=3 I=4 H=6 K=3 P=3 s=2 lo=1"),
        agrees=("G=3 I=3 H=4 K=2 P=3", "G=1 C=3 I=3 H=4 K=2 P=3"),
        sizes=(_WINDOWS, ("I", "G*C")),
        audited=(
            "conv1d_grouped",
            "w",
            "x[N,I,H]; grad_y[N,G,O,P]; grad_w[G,O,C,K]; grad_w[g,o,c,k] = "
            "sum[n,p] grad_y[n,g,o,p] * x[n,G*c+g,s*p+d*k-lo]",
        ),
        theorem="weight_correlation_general_grouped_1d",
        mistake="groups interleaved with channels in input",
    ),
    Entry(
        key="candle_1212",
        project="Candle",
        issue=1212,
        year=2023,
        references=(
            f"{_GITHUB}/huggingface/candle/issues/1212",
            f"{_GITHUB}/huggingface/candle/pull/1214",
        ),
        layer="conv1d",
        operand="w",
        wrong=f"{_DECLARED_WEIGHT}grad_w[o,c,k] = {_BY_WEIGHT}",
        summary="The mistake of BackPACK #30 once more: the gradient had floor(remainder / d) taps "
        "too many. It was added to a zero array of the right size, which failed.",
        fails=("H=2 K=1 s=2 P=1", "H=32 K=7 s=2 P=16 lo=3"),
        agrees=("H=3 K=1 s=2 P=2", "H=5 K=3 P=3"),
        derived=_TAPS,
        outcome="error",
        mistake="remainder ignored: the shape is too large",
    ),
    Entry(
        key="burn_1877",
        project="Burn",
        issue=1877,
        year=2024,
        references=(
            f"{_GITHUB}/tracel-ai/burn/issues/1877",
            f"{_GITHUB}/tracel-ai/burn/pull/1891",
        ),
        layer="conv1d_grouped",
        operand="w",
        wrong="grad_y[N,G,O,P]; x[N,G,C,H]; grad_w[G,O,C,W]; grad_w[g,o,c,k] = "
        "sum[n,p] grad_y[n,g,o,p] * x[n,g,c,s*p+d*k-lo]",
        summary="The gradient was cut to K taps without groups, but not in the branch for groups, "
        "where it had floor(remainder / d) taps too many.",
        fails=("G=2 H=2 K=1 s=2 P=1", "G=4 H=4 K=3 s=2 P=2 lo=1"),
        agrees=("G=2 H=3 K=1 s=2 P=2", "G=2 H=5 K=3 P=3"),
        derived=_TAPS,
        outcome="error",
        mistake="remainder ignored: the shape is too large",
    ),
    Entry(
        key="cmu10714_6_weight",
        project="a solution of CMU 10-714",
        issue=6,
        year=2024,
        references=(f"{_GITHUB}/PKUFlyingPig/CMU10-714/issues/6",),
        layer="conv1d",
        operand="w",
        wrong=f"{_DECLARED_WEIGHT}grad_w[o,c,k] = {_BY_WEIGHT}",
        summary="The input was correlated with the output gradient, zeros after its last entry "
        "included. The gradient lacks taps unless the remainder is s-1.",
        fails=("H=3 K=2 s=3 P=1", "H=16 K=7 s=3 P=5 lo=2"),
        agrees=("H=4 K=2 s=3 P=1", "H=16 K=3 s=2 P=8 lo=1", "H=5 K=3 P=3"),
        derived=(("W", "H + 2*lo - s*P + 1"),),
        outcome="error",
        mistake="remainder taken for stride - 1: zeros follow the last entry of the gradient too",
    ),
    Entry(
        key="mlx_2184",
        project="MLX",
        issue=2184,
        year=2025,
        references=(
            f"{_GITHUB}/ml-explore/mlx/issues/2184",
            f"{_GITHUB}/ml-explore/mlx/pull/2187",
        ),
        layer="conv1d_grouped",
        operand="w",
        wrong="grad_y[N,G,O,P]; x[N,G,C,H]; grad_w[G,O,C,W]; grad_w[g,o,c,k] = "
        "sum[n,p] grad_y[n,g,o,p] * x[n,g,c,s*p+d*k-lo]",
        summary="The general branch of the weight gradient, for groups and dilation, kept the "
        "padding of the forward pass at the end, where it must shrink by the remainder. The "
        "gradient came back with floor(remainder / d) taps too many, without an error.",
        fails=("G=2 H=2 K=1 s=2 P=1", "N=3 G=2 C=2 O=3 H=5 K=2 s=2 P=2"),
        agrees=("G=2 H=3 K=1 s=2 P=2", "G=2 H=5 K=3 P=3"),
        derived=_TAPS,
        outcome="shape",
        mistake="remainder ignored: the shape is too large",
    ),
)
"""Gradients by the weight."""
