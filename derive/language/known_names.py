"""Names that are no functions of one entry: how to write them, or why the language has none.

A text that applies one of them means it, so it is not taken for an element-wise function. What
stands behind ``as a program:`` is one, with x for the operand.
"""

from __future__ import annotations

PROGRAM = "write it as a program: "
"""What a cure begins with, before the program."""

_SHIFTED = "m[n] = max[j] x[n,j]; s[n] = sum[j] exp(x[n,j] - m[n]); "
_MEAN = "mu[n] = sum[j] x[n,j] / J; "
_VARIANCE = f"{_MEAN}v[n] = sum[j] (x[n,j] - mu[n])^2 / J; "
_NORMALIZED = f"{PROGRAM}{_VARIANCE}y[n,j] = (x[n,j] - mu[n]) * rsqrt(v[n] + eps[]) * w[j] + b[j]"
_LARGER = (
    "for relu, write relu(x[i]); for the largest entry, max[j] x[n,j]; "
    "for the larger of two, max(a[i], b[i])"
)
_SMALLER = "for the smallest entry, write min[j] x[n,j]; for the smaller of two, min(a[i], b[i])"
_AVERAGE = "write it as a program: y[n] = sum[j] x[n,j] / J"

REDUCTIONS = {
    "sum": "write sum[i] x[i]",
    "mean": _AVERAGE,
    "average": _AVERAGE,
    "avg": _AVERAGE,
    "softmax": f"{PROGRAM}{_SHIFTED}y[n,j] = exp(x[n,j] - m[n]) / s[n]",
    "softmin": f"{PROGRAM}e[n,j] = exp(-x[n,j]); y[n,j] = e[n,j] / sum[i] e[n,i]",
    "log_softmax": f"{PROGRAM}{_SHIFTED}y[n,j] = x[n,j] - m[n] - log(s[n])",
    "logsumexp": f"{PROGRAM}{_SHIFTED}y[n] = m[n] + log(s[n])",
    "cross_entropy": f"{PROGRAM}{_SHIFTED}"
    "y[] = sum[n,j] t[n,j] * (m[n] + log(s[n]) - x[n,j])",
    "max": _LARGER,
    "maximum": _LARGER,
    "amax": _LARGER,
    "min": _SMALLER,
    "minimum": _SMALLER,
    "amin": _SMALLER,
    "cumsum": "write y[i] = sum[j] [j <= i] * x[j]",
    "prod": "write prod[i] x[i]",
    "norm": f"{PROGRAM}y[n] = sqrt(sum[j] x[n,j]^2)",
    "normalize": f"{PROGRAM}y[n,j] = x[n,j] * rsqrt(sum[i] x[n,i]^2)",
    "cosine_similarity": f"{PROGRAM}y[n] = sum[j] x[n,j] * z[n,j] "
    "* rsqrt(sum[j] x[n,j]^2) * rsqrt(sum[j] z[n,j]^2)",
    "dot": "write sum[i] x[i] * w[i]",
    "einsum": "write sum[k] x[i,k] * w[k,j]",
    "var": f"{PROGRAM}{_MEAN}y[n] = sum[j] (x[n,j] - mu[n])^2 / J",
    "std": f"{PROGRAM}{_MEAN}y[n] = sqrt(sum[j] (x[n,j] - mu[n])^2 / J)",
    "layer_norm": _NORMALIZED,
    "batch_norm": f"{_NORMALIZED}, with n for the channel and j for all that is averaged",
    "group_norm": f"{_NORMALIZED}, with n for the group and j for all that is averaged",
    "instance_norm": f"{_NORMALIZED}, with n for the channel and j for all that is averaged",
    "rms_norm": f"{PROGRAM}v[n] = sum[j] x[n,j]^2 / J; "
    "y[n,j] = x[n,j] * rsqrt(v[n] + eps[]) * w[j]",
    "any": "write max[j] x[n,j] for zeros and ones",
    "all": "write min[j] x[n,j] for zeros and ones",
}
"""Functions of many entries: what to write instead."""

_SORTING = ("sorting", "pass the order as an array of zeros and ones, p[i,j] = 1 where it takes j")
_RECURRENCE = ("a recurrence", "unroll it, one definition for each step")
_DYNAMIC = ("dynamic programming", "compute it before or after the layer")
_ALGEBRA = ("linear algebra", "compute it before the layer, and pass it as an operand")
_SEARCH = ("a search", "pass the result as an array of zeros and ones, p[i,j] = 1 where it takes j")

OUTSIDE = {
    **dict.fromkeys(("sort", "argsort", "topk", "top_k", "median", "quantile", "rank"), _SORTING),
    **dict.fromkeys(("kthvalue", "unique", "msort", "searchsorted"), _SORTING),
    **dict.fromkeys(("argmax", "argmin", "nonzero"), _SEARCH),
    **dict.fromkeys(("cumprod", "cummax", "cummin", "scan", "rnn", "lstm", "gru"), _RECURRENCE),
    **dict.fromkeys(("ctc", "ctc_loss", "viterbi", "dtw", "edit_distance"), _DYNAMIC),
    **dict.fromkeys(("inv", "inverse", "pinv", "det", "slogdet", "logdet", "solve"), _ALGEBRA),
    **dict.fromkeys(("lstsq", "cholesky", "svd", "qr", "lu", "eig", "eigh", "expm"), _ALGEBRA),
    **dict.fromkeys(("eigvals", "eigvalsh", "matrix_power", "matrix_exp", "lu_solve"), _ALGEBRA),
    **dict.fromkeys(("solve_triangular", "triangular_solve", "matrix_rank"), _ALGEBRA),
}
"""What the language does not have: what it is, and what to do instead."""


def not_of_one_entry(name: str) -> tuple[str, str] | None:
    """Return what a name is that is no function of one entry, and what to write instead.

    >>> not_of_one_entry("det")[0]
    'det is linear algebra, which is out of the language'
    """
    if name in OUTSIDE:
        what, cure = OUTSIDE[name]
        return f"{name} is {what}, which is out of the language", cure
    if name in REDUCTIONS:
        return f"{name} is a function of many entries, not of one", REDUCTIONS[name]
    return None
