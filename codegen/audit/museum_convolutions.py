"""Wrong gradients of convolutions. Expressions and sizes are those of one axis.

In the code, `hi` is `lo` unless a configuration says otherwise.
"""

from __future__ import annotations

from rot180.codegen.audit.museum import Entry

_GITHUB = "https://github.com"
_BY_INPUT = "sum[o,p,k] grad_y[n,o,p] * w[o,c,k]"
_BY_WEIGHT = "sum[n,p] grad_y[n,o,p] * x[n,c,s*p+d*k-lo]"
_RIGHT_PLACES = "[h + lo == s*p + d*k]"
_BY_ROWS = "grad_y[N,O,R,P]; w[O,C,K]; grad_x[N,C,R,H]; grad_x[n,c,r,h] = "
_DECLARED_INPUT = "grad_y[N,O,P]; w[O,C,K]; grad_x[N,C,W]; "
_DECLARED_WEIGHT = "grad_y[N,O,P]; x[N,C,H]; grad_w[O,C,W]; "
_WINDOWS = ("P", "(H + lo + hi - d*(K-1) - 1)//s + 1")
_TAPS = (("W", "(H + 2*lo - s*(P-1) - 1)//d + 1"),)
"""The taps that a correlation of x with the dilated gradient has: K + floor(remainder / d)."""

INPUTS: tuple[Entry, ...] = (
    Entry(
        key="torch7_20",
        project="Torch7",
        issue=20,
        year=2012,
        references=(f"{_GITHUB}/torch/DEPRECEATED-torch7-distro/issues/20",),
        layer="conv1d",
        operand="x",
        wrong=f"{_DECLARED_INPUT}grad_x[n,c,h] = {_BY_INPUT} * [h == s*p + k]",
        summary="The gradient got the size of a full convolution of the output gradient, "
        "s(P-1)+K. That is the size of the input only if the last window ends where the input "
        "ends. The rows that no window covers were missing.",
        fails=("H=2 K=1 s=2 P=1", "H=32 K=5 s=2 P=14"),
        agrees=("H=3 K=1 s=2 P=2", "H=33 K=5 s=2 P=15", "H=5 K=3 P=3"),
        derived=(("W", "s*(P-1) + K"),),
        outcome="shape",
    ),
    Entry(
        key="tensorflow_11092",
        project="TensorFlow",
        issue=11092,
        year=2017,
        references=(f"{_GITHUB}/tensorflow/tensorflow/issues/11092",),
        layer="conv1d",
        operand="x",
        wrong=f"grad_x[n,c,h] = {_BY_INPUT} * [h + pad == s*p + d*k]",
        summary="With SAME padding and a stride above the size of the filter, the padding that "
        "the formula gives is negative: the first window starts inside the input. On CPUs the "
        "forward pass did that; the backward pass replaced the negative padding by 0.",
        fails=("H=3 K=1 s=3 P=1 lo=-1 hi=-1", "H=4 K=2 s=4 P=1 lo=-1 hi=-1"),
        agrees=("H=2 K=1 s=2 P=1 lo=0", "H=5 K=3 s=2 P=3 lo=1"),
        derived=(("pad", "max(0, lo)"),),
        sizes=(
            ("P", "(H + s - 1)//s"),
            ("lo", "max(0, s*(P-1) + K - H)//2 - max(0, H - K - s*(P-1))//2"),
            ("hi", "s*(P-1) + K - H - lo"),
        ),
    ),
    Entry(
        key="pytorch_13008",
        project="PyTorch, torch.nn.grad",
        issue=13008,
        year=2018,
        references=(
            f"{_GITHUB}/pytorch/pytorch/issues/13008",
            f"{_GITHUB}/pytorch/pytorch/pull/23889",
        ),
        layer="conv1d",
        operand="x",
        wrong=f"{_DECLARED_INPUT}grad_x[n,c,h] = {_BY_INPUT} * {_RIGHT_PLACES}",
        summary="The function that computed the output padding of the transposed convolution did "
        "not know the dilation of the filter. Mostly the result was out of its range and refused; "
        "with a large stride it was accepted, and the gradient had (d-1)(K-1) entries too many.",
        fails=("H=3 K=2 d=2 s=2 P=1", "H=5 K=3 d=2 P=1"),
        agrees=("H=3 K=2 s=2 P=1", "H=5 K=3 P=3"),
        derived=(("W", "H + (d-1)*(K-1)"),),
        outcome="error",
        basis="thread",
    ),
    Entry(
        key="jax_563",
        project="JAX",
        issue=563,
        year=2019,
        references=(f"{_GITHUB}/jax-ml/jax/issues/563", f"{_GITHUB}/jax-ml/jax/pull/567"),
        layer="conv1d",
        operand="x",
        wrong=f"{_DECLARED_INPUT}grad_x[n,c,h] = {_BY_INPUT} * [h + lo + (d-1)*(K-1) == s*p + d*k]",
        summary="The padding of the transposed rule was computed from the number of taps, not from "
        "the extent of the dilated filter. The gradient was shifted and too short. It showed in "
        "second derivatives of strided convolutions, where a stride becomes a dilation.",
        fails=("H=3 K=2 d=2 P=1", "H=7 K=3 d=2 s=2 P=2 lo=0"),
        agrees=("H=3 K=2 P=2", "H=5 K=1 d=2 P=5"),
        derived=(("W", "H - (d-1)*(K-1)"),),
        outcome="error",
    ),
    Entry(
        key="coursera_7_input",
        project="a solution of a deep-learning course",
        issue=7,
        year=2019,
        references=(
            f"{_GITHUB}/enggen/Deep-Learning-Coursera/issues/7",
            f"{_GITHUB}/Kulbear/deep-learning-coursera/pull/34",
            f"{_GITHUB}/fissehab/Deep_learning_specialization/pull/1",
        ),
        layer="conv1d",
        operand="x",
        wrong=f"grad_x[n,c,h] = {_BY_INPUT} * [h + lo == p + k]",
        summary="The backward pass took window p from place p on, not from place s*p on. The same "
        "line is in three published solutions.",
        fails=("H=3 K=1 s=2 P=2", "H=4 K=2 s=2 P=2"),
        agrees=("H=2 K=1 s=2 P=1", "H=4 K=2 P=5 lo=1"),
    ),
    Entry(
        key="miopen_575",
        project="MIOpen",
        issue=575,
        year=2020,
        references=(f"{_GITHUB}/ROCm/MIOpen/issues/575",),
        layer="conv1d",
        operand="x",
        wrong="grad_y[N,O,P]; w[O,C,K]; grad_x[N,C,H]; grad_x[n,c,h] = "
        "sum[o,p,r,q] grad_y[n,o,p] * w[o,c,r+s*q] * [h + lo == s*p + r + s*q] * [0 <= r < s]"
        " * [0 <= q < D] * [0 <= K - D*r - D < K] + "
        "sum[o,p,r,q] grad_y[n,o,p] * w[o,c,r+s*q] * [h + lo == s*p + r + s*q] * [0 <= r < s]"
        " * [0 <= q < E] * [0 <= D*r + D - K - 1 < s*D]",
        summary="The kernel computes the gradient phase by phase. Phase r has ceil((K-r)/s) taps. "
        "The code gave it D = ceil(K/s) taps if (r+1)*D <= K, and K mod D otherwise: some phases "
        "lost their last tap, others read one past the filter (taken as 0 here).",
        fails=("H=4 K=4 s=3 P=1", "H=14 K=7 s=3 P=3"),
        agrees=("H=4 K=4 s=2 P=1", "H=3 K=3 s=3 P=1", "H=5 K=3 s=2 P=2"),
        derived=(("D", "(K + s - 1)//s"), ("E", "K % D")),
        basis="thread",
    ),
    Entry(
        key="pytorch_25101",
        project="oneDNN (PyTorch)",
        issue=25101,
        year=2019,
        references=(
            f"{_GITHUB}/pytorch/pytorch/issues/25101",
            f"{_GITHUB}/uxlfoundation/oneDNN/issues/542",
        ),
        layer="y[n,o,r,p] = sum[c,k] x[n,c,r,s*p+d*k-lo] * w[o,c,k]",
        operand="x",
        wrong=f"{_BY_ROWS}sum[o,p,k] grad_y[n,o,r,p] * w[o,c,k] * {_RIGHT_PLACES} + "
        "sum[o,k] grad_y[n,o,r+1,0] * w[o,c,k] * [h + lo == s*P + d*k] * [0 <= h < B]",
        summary="A row is computed in blocks and a tail of t entries. The remainder makes the "
        "padding at the end negative; the code counted the windows to skip in the last whole "
        "block with 0 instead. So entries up to B, where that block ends, also took a window P, "
        "which does not exist: by its place in memory the first of the next row r.",
        fails=("R=2 H=3 K=2 s=2 P=1 t=0", "R=3 H=32 K=5 s=3 P=10 lo=1 t=2"),
        agrees=("R=2 H=4 K=2 s=2 P=2 t=0", "R=2 H=8 K=3 s=2 P=4 lo=1 t=0"),
        sizes=(_WINDOWS,),
        derived=(
            ("E", "s*(P-1) + K - H - lo"),
            ("B", "(H-t) * min(1, max(0, (K-1-E-t)//s) - max(0, (K-1-max(0, E)-t)//s))"),
        ),
    ),
    Entry(
        key="mlpack_2986",
        project="mlpack",
        issue=2986,
        year=2021,
        references=(f"{_GITHUB}/mlpack/mlpack/issues/2986",),
        layer="conv1d",
        operand="x",
        wrong=f"{_DECLARED_INPUT}grad_x[n,c,h] = {_BY_INPUT} * [h == p + k]",
        summary="The array for the full convolution was made large enough for s-1 zeros between "
        "the entries of the output gradient, but these were copied into it side by side. The size "
        "lacked the remainder too, which is what was noticed. (Without padding.)",
        fails=("H=3 K=1 s=2 P=2", "H=6 K=3 s=2 P=2"),
        agrees=("H=5 K=3 P=3", "H=2 K=2 s=2 P=1"),
        derived=(("W", "s*(P-1) + K"),),
        outcome="error",
    ),
    Entry(
        key="cmu10714_6_input",
        project="a solution of CMU 10-714",
        issue=6,
        year=2024,
        references=(f"{_GITHUB}/PKUFlyingPig/CMU10-714/issues/6",),
        layer="conv1d",
        operand="x",
        wrong=f"{_DECLARED_INPUT}grad_x[n,c,h] = {_BY_INPUT} * {_RIGHT_PLACES}",
        summary="Zeros were put after every entry of the output gradient, the last included, and "
        "the result correlated with the rotated filter. That size is right exactly when the "
        "remainder is s-1, which is what even inputs with 3 taps and stride 2 have.",
        fails=("H=1 K=1 s=2 P=1", "H=16 K=7 s=3 P=5 lo=2"),
        agrees=("H=2 K=1 s=2 P=1", "H=16 K=3 s=2 P=8 lo=1", "H=5 K=3 P=3"),
        derived=(("W", "s*P + K - 1 - 2*lo"),),
        outcome="error",
    ),
    Entry(
        key="burn_4799",
        project="Burn",
        issue=4799,
        year=2026,
        references=(
            f"{_GITHUB}/tracel-ai/burn/issues/4799",
            f"{_GITHUB}/tracel-ai/burn/pull/4806",
        ),
        layer="conv1d",
        operand="x",
        wrong=f"{_DECLARED_INPUT}grad_x[n,c,h] = {_BY_INPUT} * {_RIGHT_PLACES}",
        summary="The output padding was the difference of a quotient rounded up and one rounded "
        "down: never more than 1. With a remainder of 2 or more the gradient was too short.",
        fails=("H=3 K=1 s=3 P=1", "H=1603 K=4 s=4 P=400"),
        agrees=("H=2 K=1 s=2 P=1", "H=8 K=3 s=2 P=4 lo=1", "H=2 K=1 s=3 P=1"),
        derived=(
            ("A", "H + 2*lo - d*(K-1) - 1"),
            ("W", "s*(P-1) + d*(K-1) + 1 - 2*lo + max(0, 1 - (-A)//s - P)"),
        ),
        outcome="error",
    ),
    Entry(
        key="mlx_3800",
        project="MLX",
        issue=3800,
        year=2026,
        references=(f"{_GITHUB}/ml-explore/mlx/pull/3800",),
        layer="v[M,O]; x[N,G,C,H]; y[N,G,O,P]; y[n,g,o,p] = "
        "sum[c,k] x[n,g,c,s*p+d*k-lo] * v[K*C*g+K*c+k,o] * [0 <= k < K]",
        operand="x",
        wrong="grad_y[N,G,O,P]; v[M,O]; grad_x[N,G,C,H]; grad_x[n,g,c,h] = sum[a,o,p,k] "
        f"grad_y[n,a,o,p] * v[K*C*g+K*c+k+a,o] * {_RIGHT_PLACES} * [0 <= k < K]",
        summary="On GPUs the input gradient of a grouped, strided convolution went to a kernel "
        "without groups. It summed over the output channels of all groups a, and read for those "
        "of another group on in memory: at the next taps of v, the filters in memory order. Past "
        "the last filter it read whatever was there (0 here).",
        fails=("G=2 H=1 K=1 s=2 P=1 M=2", "G=4 H=32 K=3 s=2 P=16 lo=1 M=12"),
        agrees=("G=1 H=5 K=3 s=2 P=2 M=3",),
        sizes=(_WINDOWS, ("M", "G*C*K")),
    ),
)
"""Gradients by the input."""

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
    ),
)
"""Gradients by the weight."""
