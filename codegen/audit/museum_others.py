"""Wrong passes of transposed convolutions, pooling, biases and softmax; sizes of one axis."""

from __future__ import annotations

from rot180.codegen.audit.museum import Entry

_GITHUB = "https://github.com"

TRANSPOSED: tuple[Entry, ...] = (
    Entry(
        key="pytorch_63314",
        project="PyTorch",
        issue=63314,
        year=2021,
        references=(
            f"{_GITHUB}/pytorch/pytorch/issues/63314",
            f"{_GITHUB}/pytorch/pytorch/pull/44600",
        ),
        layer="conv_transpose1d",
        operand="x",
        wrong="grad_y[N,O,H]; w[C,O,K]; grad_x[N,C,P]; "
        "grad_x[n,c,p] = sum[o] grad_y[n,o,p] * w[c,o,0]",
        summary="With one tap, the step that collects the windows of the output gradient was left "
        "out to save time. With a stride or padding it is needed even then: entry p got the "
        "gradient at place p, not at place s*p-lo.",
        fails=("P=2 K=1 s=2 H=3",),
        agrees=("P=1 K=1 s=2 H=1", "P=4 K=1 H=4"),
        mistake="stride ignored",
    ),
    Entry(
        key="candle_2337_input",
        project="Candle",
        issue=2337,
        year=2024,
        references=(f"{_GITHUB}/huggingface/candle/pull/2337",),
        layer="conv_transpose1d",
        operand="x",
        wrong="grad_y[N,O,H]; w[C,O,K]; grad_x[N,C,W]; "
        "grad_x[n,c,p] = sum[o,k] grad_y[n,o,d*p+s*k-lo] * w[c,o,k]",
        summary="Stride and dilation were exchanged in the convolution that gives the gradient by "
        "the input. Only if they are equal is that right.",
        fails=("P=2 K=1 s=2 H=3", "P=4 K=2 s=2 H=8"),
        agrees=("P=4 K=3 H=6", "P=2 K=2 s=2 d=2 H=5"),
        derived=(("W", "(H + 2*lo - s*(K-1) - 1)//d + 1"),),
        outcome="error",
        mistake="stride and dilation swapped",
    ),
    Entry(
        key="candle_2337_weight",
        project="Candle",
        issue=2337,
        year=2024,
        references=(f"{_GITHUB}/huggingface/candle/pull/2337",),
        layer="conv_transpose1d",
        operand="w",
        wrong="grad_y[N,O,H]; x[N,C,P]; grad_w[C,O,W]; "
        "grad_w[c,o,k] = sum[n,p] grad_y[n,o,d*p+s*k-lo] * x[n,c,p]",
        summary="The same exchange in the gradient by the weight, cut to at most K taps.",
        fails=("P=2 K=1 s=2 H=3", "P=4 K=2 s=2 H=8"),
        agrees=("P=4 K=3 H=6", "P=2 K=2 s=2 d=2 H=5"),
        derived=(("W", "min(K, (H + 2*lo - d*(P-1) - 1)//s + 1)"),),
        outcome="error",
        mistake="stride and dilation swapped",
    ),
    Entry(
        key="enzyme_jax_873",
        project="Enzyme-JAX (Reactant)",
        issue=873,
        year=2025,
        references=(
            f"{_GITHUB}/EnzymeAD/Enzyme-JAX/issues/873",
            f"{_GITHUB}/EnzymeAD/Enzyme-JAX/pull/874",
        ),
        layer="x[N,C,P]; w[C,O,K]; y[N,O,H]; y[n,o,h] = "
        "sum[c,p,k] x[n,c,p] * w[c,o,k] * [h + k == s*p + lo]",
        operand="x",
        wrong="grad_y[N,O,H]; w[C,O,K]; grad_x[N,C,W]; "
        "grad_x[n,c,p] = sum[o,k] grad_y[n,o,p+lo-k] * w[c,o,k]",
        summary="A convolution of an input with s-1 zeros between its entries was transposed "
        "without turning that dilation into a stride: the result is the gradient by the dilated "
        "input, with entries for the inserted zeros.",
        fails=("P=2 K=1 s=2 H=3", "P=5 K=3 s=2 H=11 lo=2"),
        agrees=("P=4 K=3 H=6 lo=2", "P=1 K=2 s=2 H=2 lo=1"),
        sizes=(("H", "s*(P-1) + 2 + lo + hi - K"),),
        derived=(("W", "s*(P-1) + 1"),),
        outcome="error",
        theorem="adjoint_correlation_general_1d",
        mistake="s taken for 1",
    ),
    Entry(
        key="jax_32267",
        project="JAX",
        issue=32267,
        year=2025,
        references=(f"{_GITHUB}/jax-ml/jax/issues/32267", f"{_GITHUB}/jax-ml/jax/pull/32268"),
        layer="conv_transpose1d",
        operand="",
        wrong="x[N,C,P]; w[C,O,K]; bias[O]; y[N,O,W]; y[n,o,h] = "
        "sum[c,p,k] x[n,c,p] * w[c,o,k] * [h + d*(K-1) - lo == s*p + d*k] + bias[o]",
        summary="conv_transpose reads the words SAME and VALID as the padding of the convolution "
        "that it transposes, but numbers as the padding of the dilated input. So numbers mean "
        "d(K-1)-lo. Since 2026 an argument chooses; the old meaning is the default. (The filter "
        "is rotated with transpose_kernel only.)",
        fails=("P=2 K=2 H=3", "P=3 K=4 s=4 H=12"),
        agrees=("P=2 K=3 s=2 H=3 lo=1", "P=2 K=1 s=2 H=3"),
        derived=(("W", "s*(P-1) + 1 + 2*lo - d*(K-1)"),),
        mistake="padding not mirrored: d*(K - 1) - lo and lo confused",
    ),
    Entry(
        key="burn_4845",
        project="Burn",
        issue=4845,
        year=2026,
        references=(
            f"{_GITHUB}/tracel-ai/burn/issues/4845",
            f"{_GITHUB}/tracel-ai/burn/pull/4916",
        ),
        layer="conv_transpose1d",
        operand="x",
        wrong="grad_y[N,O,H]; w[C,O,K]; grad_x[N,C,W]; "
        "grad_x[n,c,p] = sum[o,k] grad_y[n,o,s*p+d*k-lo] * w[c,o,k]",
        summary="Output padding adds places at the end of the output. The gradient was computed "
        "for all windows that fit into the longer output, floor(output padding / s) more than the "
        "input has.",
        fails=("P=1 K=1 H=2 op=1", "P=4 K=3 H=7 op=1"),
        agrees=("P=4 K=3 H=6", "P=3 K=3 s=2 H=8 op=1", "P=2 K=2 d=2 H=4"),
        derived=(("W", "(H + 2*lo - d*(K-1) - 1)//s + 1"),),
        outcome="error",
        mistake="remainder ignored: the shape is too large",
    ),
)
"""Transposed convolutions."""

OTHERS: tuple[Entry, ...] = (
    Entry(
        key="libnd4j_440",
        project="libnd4j (Deeplearning4j)",
        issue=440,
        year=2017,
        references=(
            f"{_GITHUB}/deeplearning4j/libnd4j/issues/440",
            f"{_GITHUB}/RubixML/ML/pull/438",
        ),
        layer="softmax",
        operand="x",
        wrong="y[N,J]; grad_y[N,J]; grad_x[n,j] = "
        "grad_y[n,j] * y[n,j] - grad_y[n,j] * y[n,j] * y[n,j]",
        summary="Only the diagonal of the Jacobian was used, y(1-y); the sum over the other "
        "entries was missing. In 2026 the same formula was proposed for RubixML.",
        fails=("N=1 J=2",),
        agrees=("N=1 J=1",),
        basis="thread",
        audited=(
            "y[N,J]; grad_y[N,J]; grad_x[N,J]; "
            "grad_x[n,j] = grad_y[n,j] * y[n,j] - sum[i] grad_y[n,i] * y[n,i] * y[n,j]",
            "",
            "y[N,J]; grad_y[N,J]; grad_x[N,J]; "
            "grad_x[n,j] = grad_y[n,j] * y[n,j] - grad_y[n,j] * y[n,j] * y[n,j]",
        ),
        mistake="of the sum over i, only the term i = j",
    ),
    Entry(
        key="deeplearning4j_8280",
        project="Deeplearning4j",
        issue=8280,
        year=2019,
        references=(f"{_GITHUB}/deeplearning4j/deeplearning4j/issues/8280",),
        layer="y[N,P,Q,O]; x[N,P,Q,O]; bias[O]; y[n,p,q,o] = x[n,p,q,o] + bias[o]",
        operand="bias",
        wrong="grad_y[N,P,Q,O]; grad_bias[P]; grad_bias[p] = sum[n,q,o] grad_y[n,p,q,o]",
        summary="The gradient by the bias summed over the axes 0, 2 and 3. That is right if the "
        "channels are axis 1; with channels last it keeps the rows and sums over the channels.",
        fails=("P=1 Q=1 O=2", "P=2 Q=1 O=2"),
        agrees=("P=1 Q=3 O=1",),
        basis="thread",
        theorem="bias_2d",
        mistake="axis p kept and axis o summed",
    ),
    Entry(
        key="mlpack_2360",
        project="mlpack",
        issue=2360,
        year=2020,
        references=(
            f"{_GITHUB}/mlpack/mlpack/issues/2360",
            f"{_GITHUB}/mlpack/mlpack/issues/3468",
        ),
        layer="log_softmax",
        operand="x",
        wrong="y[N,J]; grad_y[N,J]; grad_x[n,j] = exp(y[n,j]) + grad_y[n,j]",
        summary="The softmax was added to the output gradient. The gradient is the output "
        "gradient minus the softmax times the sum of the output gradient; the code is right only "
        "where that sum is -1, as for the loss that it was used with.",
        fails=("N=1 J=1", "N=1 J=2"),
        basis="thread",
        audited=(
            "p[N,J]; grad_y[N,J]; grad_x[N,J]; "
            "grad_x[n,j] = grad_y[n,j] - sum[i] grad_y[n,i] * p[n,j]",
            "",
            "p[N,J]; grad_y[N,J]; grad_x[N,J]; grad_x[n,j] = p[n,j] + grad_y[n,j]",
        ),
        mistake="the sum of grad_y over i taken for -1",
    ),
    Entry(
        key="nnlib_205",
        project="NNlib (Flux)",
        issue=205,
        year=2020,
        references=(
            f"{_GITHUB}/FluxML/NNlib.jl/issues/205",
            f"{_GITHUB}/FluxML/Flux.jl/issues/1197",
        ),
        layer="selected_pool1d",
        operand="x",
        wrong="grad_y[N,C,P]; sel[N,C,P,K]; grad_x[N,C,H]; grad_x[n,c,h] = "
        "sum[p,k] grad_y[n,c,p] * sel[n,c,p,k] * [h + lo == s*p + k] - "
        "sum[p,k] grad_y[n,c,p] * sel[n,c,p,k] * sel[n,c,p+1,k-s] * [h + lo == s*p + k]",
        summary="In the backward pass of max pooling, a window wrote the gradient of its largest "
        "entry over that of the windows before it, where it must be added. The expression is for "
        "d = 1 and K <= 2s, where at most two windows share an entry.",
        fails=("H=3 K=2 P=2", "H=5 K=3 s=2 P=2"),
        agrees=("H=4 K=2 s=2 P=2",),
        limits=("2*s - K",),
        masks=("sel",),
        mistake="products overwrite each other: only the last is kept",
    ),
    Entry(
        key="burn_248",
        project="Burn",
        issue=248,
        year=2023,
        references=(f"{_GITHUB}/tracel-ai/burn/pull/248",),
        layer="conv1d",
        operand="bias",
        wrong="grad_bias[o] = sum[n,p] [0 <= n < N] * [0 <= p < P]",
        summary="The gradient by the bias was the number of places of a channel, whatever the "
        "output gradient was: right for the loss that sums the output, and for no other.",
        fails=("H=1 K=1 P=1",),
        mistake="grad_output taken for 1 everywhere",
    ),
    Entry(
        key="burn_5604",
        project="Burn, and PyTorch's Inductor",
        issue=5604,
        year=2026,
        references=(
            f"{_GITHUB}/tracel-ai/burn/issues/5604",
            f"{_GITHUB}/pytorch/pytorch/issues/198119",
        ),
        layer="x[N,C,H]; y[N,C,P]; y[n,c,p] = sum[k] x[n,c,s*p+k] * [0 <= k < K]"
        " / sum[k] [0 <= k < K] * [0 <= s*p + k < H]",
        operand="x",
        wrong="grad_y[N,C,P]; grad_x[N,C,H]; grad_x[n,c,h] = "
        "sum[p,k] grad_y[n,c,p] * [h == s*p + k] * [0 <= k < K] / sum[k] [0 <= k < K]",
        summary="In average pooling with sizes rounded up, the forward pass divides the last "
        "window by the entries that it has, share[p] = 1/entries. The backward pass divided by K, "
        "as for a whole window, share[0].",
        fails=("H=3 K=2 s=2 P=2", "H=5 K=2 s=2 P=3"),
        agrees=("H=2 K=2 s=2 P=1",),
        sizes=(("P", "(H - K + s - 1)//s + 1"),),
        basis="thread",
        audited=(
            "x[N,C,H]; share[P]; y[N,C,P]; y[n,c,p] = "
            "sum[k] x[n,c,s*p+k] * [0 <= k < K] * share[p]",
            "x",
            "grad_y[N,C,P]; share[P]; grad_x[N,C,H]; grad_x[n,c,h] = "
            "sum[p,k] grad_y[n,c,p] * share[0] * [h == s*p + k] * [0 <= k < K]",
        ),
        theorem="adaptive_avg_pool_1d",
        mistake="share: entry 0 on axis 0 used for all",
    ),
    Entry(
        key="pytorch_188344",
        project="PyTorch",
        issue=188344,
        year=2026,
        references=(
            f"{_GITHUB}/pytorch/pytorch/issues/188344",
            f"{_GITHUB}/pytorch/pytorch/pull/188345",
        ),
        layer="avg_pool1d",
        operand="x",
        wrong="grad_y[N,C,P]; grad_x[N,C,H]; grad_x[n,c,h] = "
        "sum[p,k] grad_y[n,c,p] * [h == s*p + k] * [0 <= k < K] * mean[]",
        summary="On GPUs, with channels last, the backward pass of average pooling looked for the "
        "windows of entry h at place h of the padded input, which is place h+lo. A test for it "
        "existed, but did not hand the padding on.",
        fails=("H=1 K=2 P=2 lo=1", "H=4 K=2 P=5 lo=1"),
        agrees=("H=4 K=2 P=3", "H=4 K=2 s=2 P=2"),
        basis="thread",
        mistake="lo taken for 0",
    ),
)
"""Pooling, biases and softmax."""
