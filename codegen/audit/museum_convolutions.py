"""Wrong gradients of convolutions by the input. Expressions and sizes are those of one axis.

In the code, `hi` is `lo` unless a configuration says otherwise.
"""

from __future__ import annotations

from rot180.codegen.audit.museum import Entry

_GITHUB = "https://github.com"
_BY_INPUT = "sum[o,p,k] grad_y[n,o,p] * w[o,c,k]"
_RIGHT_PLACES = "[h + lo == s*p + d*k]"
_BY_ROWS = "grad_y[N,O,R,P]; w[O,C,K]; grad_x[N,C,R,H]; grad_x[n,c,r,h] = "
_DECLARED_INPUT = "grad_y[N,O,P]; w[O,C,K]; grad_x[N,C,W]; "
_WINDOWS = ("P", "(H + lo + hi - d*(K-1) - 1)//s + 1")

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
        mistake="remainder ignored: the shape is too small",
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
        mistake="negative padding taken for 0",
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
        mistake="dilation ignored in the remainder, so in the output padding",
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
        mistake="dilation ignored in the padding; dilation ignored in the shape",
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
        mistake="stride ignored",
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
        mistake="taps of the stride's phases miscounted: the last phases lack some",
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
        layer="y[n,o,r,p] = sum[c,k] x[n,c,r,s*p+k-lo] * w[o,c,k]",
        operand="x",
        wrong=f"{_BY_ROWS}sum[o,p,k] grad_y[n,o,r,p] * w[o,c,k] * [h + lo == s*p + k] + "
        "sum[o,k] grad_y[n,o,r+1,0] * w[o,c,k] * [h + lo == s*P + k] * [0 <= h < B]",
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
        theorem="rot180_correlation_general_channels_1d",
        mistake="one window too many: its gradient is the first of the next row",
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
        mistake="stride ignored; remainder ignored: the shape is too small",
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
        mistake="remainder taken for stride - 1: zeros follow the last entry of the gradient too",
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
        mistake="remainder taken for 1 at most",
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
        audited=(
            "v[G,C,K,O]; x[N,G,C,H]; y[N,G,O,P]; y[n,g,o,p] = "
            "sum[c,k] x[n,g,c,s*p+k-lo] * v[g,c,k,o]",
            "x",
            "grad_y[N,G,O,P]; v[M,O]; grad_x[N,G,C,H]; grad_x[n,g,c,h] = sum[a,o,p,k] "
            "grad_y[n,a,o,p] * v[K*C*g+K*c+k+a,o] * [h + lo == s*p + k] * [0 <= k < K]",
        ),
        sizes=(_WINDOWS, ("M", "G*C*K")),
        theorem="rot180_correlation_general_grouped_1d",
        mistake="groups ignored: the channels of all groups are summed",
    ),
)
"""Gradients by the input."""
