/* The choice of an algorithm for a product of two sides: along which side the vectors run, whether
 * tiles are transposed, and whether vectors run along the sum instead. */
#ifndef ROT180_CHOICE_H
#define ROT180_CHOICE_H

#include "algorithm.h"
#include "loop_group.h"
#include "simd.h"
#include "sum.h"

/* Up to this k, packing takes longer than it saves. */
enum { SHALLOW_K = 160 };

/* Terms that are worked on at a time where tiles are transposed. */
enum { TRANSPOSED_KC = 1536 };

/* The extent of the longest loop of a group that moves along the contiguous axis of an operand. */
static Int contiguous(const Factor *f, const Sum *s, const Group *g, int itemsize) {
    Int longest = 0;
    for (int k = 0; k < g->count; k++)
        for (int a = 0; a < f->axes; a++)
            if (f->stride[a] == itemsize && f->slope[a][g->at[k]])
                longest = MAX(longest, s->extent[g->at[k]]);
    return longest;
}

/* The extent of the longest loop of a group along which the output is contiguous. */
static Int contiguous_out(const Sum *s, const Group *g, int itemsize) {
    Int longest = 0;
    for (int k = 0; k < g->count; k++)
        if (s->out.step[g->at[k]] == itemsize) longest = MAX(longest, s->extent[g->at[k]]);
    return longest;
}

/* A loop's step along the contiguous axis of the output, in entries; 0 if it moves along others. */
static Int along_line(const Factor *out, int loop, int itemsize) {
    for (int a = 0; a < out->axes; a++)
        if (out->stride[a] == itemsize && out->step[loop] == out->slope[a][loop] * itemsize)
            return out->slope[a][loop];
    return 0;
}

/* Return whether an array of either side is contiguous along a loop. */
static int is_contiguous(const Sum *s, int loop, int itemsize) {
    for (int n = 0; n < s->b_count; n++)
        if (llabs(s->b_factors[n].step[loop]) == itemsize) return 1;
    for (int n = 0; n < s->a_count; n++)
        if (llabs(s->a_factors[n].step[loop]) == itemsize) return 1;
    return 0;
}

/* Where no array is contiguous along the last loop of k, put one last along which some are: a copy
 * of a part of an array then has its lines. */
static void put_contiguous_last(Sum *s, int itemsize) {
    enum { LINE = 8 };
    Group *g = &s->k;
    if (g->count < 2 || is_contiguous(s, last_loop(g), itemsize)) return;
    for (int k = g->count - 2; k >= 0; k--) {
        const int loop = g->at[k];
        if (s->extent[loop] < LINE || !is_contiguous(s, loop, itemsize)) continue;
        for (; k + 1 < g->count; k++) g->at[k] = g->at[k + 1];
        g->at[k] = loop;
        return;
    }
}

/* Exchange the sides: vectors run along the other one. */
static void swap_sides(Sum *s) {
    Group g = s->n;
    Factor *f = s->b_factors;
    int count = s->b_count;
    s->n = s->m, s->b_factors = s->a_factors, s->b_count = s->a_count;
    s->m = g, s->a_factors = f, s->a_count = count;
}

/* What vectors along a side of n cost beside the products: packing them, transposing what they add
 * up to where the output is not contiguous along them, and the unused entries of the last one. */
static double vector_cost(Int n, Int m, Int k, int outward) {
    return 16. / (double)m + (outward ? 0 : 64. / (double)k) +
           (double)((n + 15) / 16 * 16) / (double)n;
}

/* Return whether it is faster to exchange the sides and transpose the tiles, although entries of n
 * lie together. What is packed of n serves m products. Where m is small and n large it costs less
 * to pack the other side, once, and to transpose the tiles, if m fills tiles of three vectors or is
 * four vectors at most; where vectors fit the lines of a sum of few terms, not to pack at all. */
static int transposed_is_faster(const Sum *s, Int n, Int m, int itemsize) {
#ifdef ROT180_VECTORS
    enum { PANEL = 1 << 22 };
    Int k = volume(s, &s->k), next;
    Int lanes = 64 / itemsize, vectors = (m + lanes - 1) / lanes;
    double padded = (double)(vectors * lanes) / (double)m;
    if (rot180_algorithm != ALGORITHM_AUTOMATIC && rot180_algorithm != ALGORITHM_TRANSPOSED)
        return 0;
    if (s->a_count > 1 || !s->a_factors->data || s->n.count == 0) return 0;
    next = s->b_factors->step[last_loop(&s->n)];
    if (rot180_algorithm == ALGORITHM_AUTOMATIC && k <= SHALLOW_K &&
        s->extent[last_loop(&s->n)] * itemsize >= 64)
        return 0;
    return next == itemsize && contiguous_out(s, &s->n, itemsize) >= 16 &&
           padded * (double)m * (double)k * itemsize <= PANEL &&
           (rot180_algorithm == ALGORITHM_TRANSPOSED ||
            (m >= 24 && n >= 16 && k >= 16 && (vectors <= 4 || vectors % 3 == 0) &&
             1 + 4. / (double)m > padded + 12. / (double)n + 8. / (double)k));
#else
    (void)s, (void)n, (void)m, (void)itemsize;
    return 0;
#endif
}

/* Return the reason why products along the sum are faster than packing, or 0. They read each side
 * once for a few entries of the other, so sides must be short; and vectors must fit lines of so
 * many bytes. */
static int reason_for_dots(const Sum *s, Int few, Int many, Int line, int alike) {
    enum { SHORT = 16, MIDDLE = 48, OUTPUTS = 2048 };
    int flat = s->k.count == 1 && !s->b_factors->checks && !s->a_factors->checks;
    if (alike && few < SHORT) return line >= 16 ? REASON_SHORT_SIDE : 0;
    if (alike && flat && few < MIDDLE) return line >= 2048 ? REASON_LONG_LINES : 0;
    return few * many <= OUTPUTS && line >= 96 ? REASON_FEW_OUTPUTS : 0;
}

/* The extents of the longest loops that move along the contiguous axis of an operand: of its own
 * side, and of k. */
typedef struct {
    Int along, along_k;
    int natural; /* vectors should run along its own side */
} Lines;

static Lines lines_of(const Sum *s, const Factor *f, int count, const Group *side, int itemsize) {
    Lines out = {0, 0, 0};
    if (count == 1 && f->data) {
        out.along = contiguous(f, s, side, itemsize);
        out.along_k = contiguous(f, s, &s->k, itemsize);
        out.natural = out.along >= 4 && out.along >= out.along_k;
    }
    return out;
}

/* Exchange the sides if vectors along the other cost less. */
static void swap_if_cheaper(Sum *s, int itemsize) {
    const Int m = volume(s, &s->m), n = volume(s, &s->n), k = volume(s, &s->k);
    const int outward = contiguous_out(s, &s->n, itemsize) > contiguous_out(s, &s->m, itemsize);
    if (vector_cost(n, m, k, outward) > vector_cost(m, n, k, !outward)) swap_sides(s);
}

/* Choose the side along which vectors run; return 1 if they should rather run along the sum. */
static int choose_sides(Sum *s, int itemsize) {
    Int m = volume(s, &s->m), n = volume(s, &s->n), inner;
    const Lines b = lines_of(s, s->b_factors, s->b_count, &s->n, itemsize);
    const Lines a = lines_of(s, s->a_factors, s->a_count, &s->m, itemsize);
    if (b.natural && a.natural) {
        if (contiguous_out(s, &s->m, itemsize) > contiguous_out(s, &s->n, itemsize)) swap_sides(s);
        return 0;
    }
    if ((b.natural && s->a_count > 1) || (a.natural && s->b_count > 1)) {
        /* products are packed, along whichever side: what counts is how sums are stored */
        const Int on_m = contiguous_out(s, &s->m, itemsize);
        const Int on_n = contiguous_out(s, &s->n, itemsize);
        if (MAX(on_m, on_n) < 16) swap_if_cheaper(s, itemsize);
        else if (on_m > on_n) swap_sides(s);
        return 0;
    }
    if (b.natural && transposed_is_faster(s, n, m, itemsize)) {
        swap_sides(s);
        s->transposed = 1, s->reason = REASON_ONE_SHORT;
        return 0;
    }
    if (b.natural && (n >= 8 || m < 8)) return 0;
    if (a.natural && (m >= 8 || n < 8)) {
        swap_sides(s);
        return 0;
    }
    inner = s->k.count ? s->extent[last_loop(&s->k)] : 0;
    if (inner && b.along_k >= inner && a.along_k >= inner)
        s->reason =
            reason_for_dots(s, MIN(m, n), MAX(m, n), inner * itemsize, b.along_k == a.along_k);
    if (s->reason) {
        if (m > n) swap_sides(s);
        return 1;
    }
    swap_if_cheaper(s, itemsize);
    return 0;
}

#endif /* ROT180_CHOICE_H */
