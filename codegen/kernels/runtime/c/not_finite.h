/* Sums of entries that are not finite. A tile also multiplies the zeros around an array: they are
 * no terms of the sum, but zero times an infinite entry is NaN. Where that may have happened,
 * outputs that are NaN are computed again, term by term. */
#ifndef ROT180_NOT_FINITE_H
#define ROT180_NOT_FINITE_H

#include "algorithm.h"
#include "contraction.h"
#include "elementwise.h"
#include "loop_group.h"
#include "runs.h"
#include "simd.h"
#include "sum.h"
#include "type.h"
#include "watch.h"

/* Return whether n entries, `step` bytes apart, are finite: the exponent of others is all ones. */
static inline int NAME(is_finite_line)(const void *line, Int n, Int step) {
    enum { MANTISSA = sizeof(T) == 4 ? 23 : 52 };
    const BITS unit = (BITS)1 << MANTISSA, exponent = ((BITS)-1 >> 1) & ~(unit - 1);
    const char *at = line;
    BITS seen = 0, bits;
    if (step == sizeof(T))
        for (Int i = 0; i < n; i++) {
            memcpy(&bits, at + i * (Int)sizeof(T), sizeof(T));
            seen |= (bits & exponent) + unit;
        }
    else
        for (Int i = 0; i < n; i++, at += step) {
            memcpy(&bits, at, sizeof(T));
            seen |= (bits & exponent) + unit;
        }
    return seen <= exponent;
}

static int NAME(are_finite)(const Runs *r, int axis, const char *at) {
    if (axis == r->axes) return NAME(is_finite_line)(at, 1, sizeof(T));
    if (axis + 1 == r->axes) return NAME(is_finite_line)(at, r->size[axis], r->step[axis]);
    for (Int i = 0; i < r->size[axis]; i++, at += r->step[axis])
        if (!NAME(are_finite)(r, axis + 1, at)) return 0;
    return 1;
}

/* Return whether all arrays of a side are finite; 0 also if one has more entries than `most`. */
static int NAME(is_finite_side)(const Factor *f, int count, double most) {
    for (; count > 0; count--, f++) {
        Runs r = {0};
        double entries = 1;
        for (int a = 0; a < f->axes; a++) entries *= (double)f->size[a];
        if (!f->data || entries == 0) continue;
        if (entries > most) return 0;
        for (int a = 0; a < f->axes; a++) add_axis(&r, f->size[a], f->stride[a]);
        if (!NAME(are_finite)(&r, 0, f->data)) return 0;
    }
    return 1;
}

/* Return whether zeros around an array may meet an entry that is not finite, as far as reading no
 * more entries than there are outputs can tell. */
static int NAME(may_spread)(const Sum *s) {
    const double outputs =
        (double)volume(s, &s->batch) * (double)volume(s, &s->m) * (double)volume(s, &s->n);
    return (meets_zeros(s->a_factors, s->a_count) &&
            !NAME(is_finite_side)(s->b_factors, s->b_count, outputs)) ||
           (meets_zeros(s->b_factors, s->b_count) &&
            !NAME(is_finite_side)(s->a_factors, s->a_count, outputs));
}

/* Copy the outputs from a loop on; return the place after the last. */
static T *NAME(save)(const Sum *s, const int *order, int count, const char *out, T *to) {
    const Int n = count ? s->extent[*order] : 1, step = count ? s->out.step[*order] : 0;
    if (count > 1)
        for (Int i = 0; i < n; i++) to = NAME(save)(s, order + 1, count - 1, out + i * step, to);
    else
        for (Int i = 0; i < n; i++) *to++ = *(const T *)(out + i * step);
    return to;
}

/* Compute the outputs that are NaN again, in the order in which they were saved; `before`: what is
 * added to, or NULL. */
static void NAME(compute_again)(const Sum *s, const int *roles, const T *before) {
    const T scale = (T)s->scale;
    Int place[LOOPS] = {0};
    int order[LOOPS], count = output_loops(s, roles, order), k;
    Sum one = *s;
    TYPE(Walk) w;
    char *out = (char *)s->out.data;
    for (k = 0; k < count; k++) one.extent[order[k]] = 1;
    NAME(begin_walk)(&w, &one, roles);
    for (Int n = 0;; n++) {
        w.out = out;
        if (*(T *)out != *(T *)out) {
            *(T *)out = before ? before[n] : 0;
            NAME(go_to)(&w, place);
            do {
                NAME(add_span)(&w, NAME(inner_span)(&w), scale);
                if (ends(s->watch, w.run * w.count + 1)) return;
            } while (*(T *)out == *(T *)out && NAME(walk_on)(&w));
        }
        for (k = count - 1; k >= 0; k--) {
            const int i = order[k];
            out += s->out.step[i];
            if (++place[i] < s->extent[i]) break;
            out -= s->extent[i] * s->out.step[i];
            place[i] = 0;
        }
        if (k < 0) return;
    }
}

#endif /* ROT180_NOT_FINITE_H */
