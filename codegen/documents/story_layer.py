"""The gradients of a layer in the middle of a network: a correlation of an activation."""

from __future__ import annotations

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import layer
from rot180.derive.language.operators import activation, correlate, rot180, size
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import Apply, term
from rot180.derive.search.prove import prove

LAYER = "sigma: function; z1[p,q] = sum[k,l] sigma(z[p+k,q+l]) * w[k,l] + b[]"
"""The layer."""


def middle_layer() -> tuple[Theorem, Theorem]:
    """Prove its gradients by z and by w, each as a pass of one tensor over another.

    Raises:
        NotProvedError: they are something else.

    """
    own = layer(LAYER)
    z, w = (operand(own, name) for name in ("z", "w"))
    g = output_gradient(own)
    h, v, p, q, k, m = (symbol(name) for name in ("h", "v", "p", "q", "k", "l"))
    full = g[h + k - size(w, 0) + 1, v + m - size(w, 1) + 1]
    passed = correlate(full, rot180(w, (0, 1))[k, m], (h, v), (k, m))
    valid = activation("sigma", 0, z)[p + k, q + m]
    weighed = correlate(valid, g[p, q], (k, m), (p, q))
    back = (term(passed[h, v], Apply("sigma", 1, z[h, v])),)
    found = []
    for wrt, right in ((z, back), (w, (term(weighed[k, m]),))):
        variables, goal = chain_goal(own, wrt)
        found.append(prove(goal, right, variables))
    by_input, by_weight = found
    return by_input, by_weight
