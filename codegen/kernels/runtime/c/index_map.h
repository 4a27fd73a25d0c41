/* Index maps: from the loops to the bytes of an operand. A map is resolved once, for loops that
 * start at 0; its offsets over a block are tables. */
#ifndef ROT180_INDEX_MAP_H
#define ROT180_INDEX_MAP_H

#include "algorithm.h"
#include "contraction.h"
#include "sum.h"

/* The least and the largest index on an axis. */
static void bounds(const Factor *f, int axis, int loops, const Box *box, Int *low, Int *high) {
    *low = *high = f->constant[axis];
    for (int i = 0; i < loops; i++) {
        Int start = f->slope[axis][i] * box->from[i];
        Int reach = f->slope[axis][i] * (box->count[i] - 1);
        *low += start + MIN(reach, 0);
        *high += start + MAX(reach, 0);
    }
}

/* Read an entry's maps for loops that start at 0; find the steps, and the axes that need checks.
 * Refuse what 62 bits cannot hold. */
static int resolve_map(Factor *f, const Entry *e, int loops, const Box *all) {
    const double limit = 4611686018427387904.;
    f->data = e->data;
    f->axes = e->axes;
    f->split = f->checks = 0;
    for (int i = 0; i < loops; i++) f->step[i] = 0;
    for (int a = 0; a < e->axes; a++) {
        Int low = e->constant[a], high = low;
        double far = low < 0 ? -(double)low : (double)low;
        for (int i = 0; i < loops; i++) {
            double slope = (double)e->slope[a][i];
            double from = (double)all->from[i], count = (double)all->count[i];
            if (slope == 0) continue;
            far += (slope < 0 ? -slope : slope) * ((from < 0 ? -from : from) + count);
        }
        if (far * ((double)(e->stride[a] < 0 ? -e->stride[a] : e->stride[a]) + 1) >= limit)
            return TOO_FAR;
        for (int i = 0; i < loops; i++) {
            low += e->slope[a][i] * all->from[i];
            high += e->slope[a][i] * all->from[i];
            f->slope[a][i] = 0;
        }
        f->constant[a] = low;
        for (int i = 0; i < loops; i++) {
            Int reach = e->slope[a][i] * (all->count[i] - 1);
            if (all->count[i] > 1) f->slope[a][i] = e->slope[a][i];
            low += MIN(reach, 0);
            high += MAX(reach, 0);
            f->step[i] += f->slope[a][i] * e->stride[a];
        }
        f->size[a] = e->size[a], f->stride[a] = e->stride[a];
        f->modulus[a] = f->phases[a] = 1;
        f->low[a] = 0;
        if (low < 0 || high >= e->size[a]) f->check[f->checks++] = a;
    }
    return DONE;
}

/* Where nothing is checked only the steps count: one axis, in bytes. */
static void flatten(Factor *f, int loops) {
    Int start = 0;
    if (f->checks) return;
    for (int a = 0; a < f->axes; a++) start += f->constant[a] * f->stride[a];
    f->data += start;
    f->axes = 1;
    f->constant[0] = f->low[0] = 0;
    f->modulus[0] = f->stride[0] = 1;
    f->size[0] = PTRDIFF_MAX;
    for (int i = 0; i < loops; i++) f->slope[0][i] = f->step[i];
}

/* The byte offset of an index on an axis. */
static Int locate(const Factor *f, int axis, Int index) {
    Int m = f->modulus[axis], place, rest;
    if (m == 1) return (index - f->low[axis]) * f->stride[axis];
    place = rot180_floor(index, m);
    rest = index - place * m;
    for (int i = 0; i < f->phases[axis]; i++)
        if (f->residue[axis][i] == rest)
            return i * f->phase_stride[axis] + (place - f->low[axis]) * f->stride[axis];
    return 0;
}

/* Byte offsets over a group's block but for its `skip` innermost loops, relative to the block's
 * corner: a linear map. */
static void linear_table(const Sum *s, const Group *g, int skip, const Int *step, Int *out) {
    Int filled = 1;
    out[0] = 0;
    for (int k = g->count - 1 - skip; k >= g->first; k--) {
        Int extent = s->box.count[g->at[k]], by = step[g->at[k]];
        for (Int i = 1; i < extent; i++)
            for (Int j = 0; j < filled; j++) out[i * filled + j] = out[j] + i * by;
        filled *= extent;
    }
}

/* Byte offsets over a group's block, the other loops at their corner: any map. */
static void located_table(const Sum *s, const Factor *f, const Group *g, int skip, Int *out) {
    Int index[AXES], base = 0, position[LOOPS] = {0};
    for (int a = 0; a < f->axes; a++) {
        index[a] = f->constant[a];
        for (int i = 0; i < s->loops; i++) index[a] += f->slope[a][i] * s->box.from[i];
    }
    for (int a = 0; a < f->axes; a++) base += locate(f, a, index[a]);
    if (!f->split) {
        Int size = 1;
        for (int k = g->count - 1 - skip; k >= g->first; k--) size *= s->box.count[g->at[k]];
        linear_table(s, g, skip, f->step, out);
        for (Int j = 0; j < size; j++) out[j] += base;
        return;
    }
    for (Int j = 0;; j++) {
        int k = g->count - 1 - skip;
        out[j] = 0;
        for (int a = 0; a < f->axes; a++) out[j] += locate(f, a, index[a]);
        for (; k >= g->first; k--) {
            int i = g->at[k];
            Int back = ++position[k] < s->box.count[i] ? 1 : 1 - s->box.count[i];
            for (int a = 0; a < f->axes; a++) index[a] += back * f->slope[a][i];
            if (back == 1) break;
            position[k] = 0;
        }
        if (k < g->first) return;
    }
}

#endif /* ROT180_INDEX_MAP_H */
