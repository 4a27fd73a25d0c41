/* Phase-split copies: an operand that may leave its box, or that strides along its vectors, is
 * copied before it is read, with zeros around it and split by residue, so that neighbours are
 * contiguous. With stride 2 the even entries are one phase and the odd ones another. Here the copy
 * is planned; staging.h carries it out. */
#ifndef ROT180_PHASE_SPLIT_H
#define ROT180_PHASE_SPLIT_H

#include "contraction.h"
#include "index_map.h"
#include "loop_group.h"
#include "sum.h"

/* How a factor is copied: the axes in their new order, and how much of each. */
typedef struct {
    Factor to;
    int order[AXES];
    Int places[AXES];
    Int bytes;
} PhaseSplit;

/* Find the residues mod m of the indices on an axis, over all loops outside `unit`; return how many
 * there are, or 0 if they are too many. */
static int find_phases(const Sum *s, const Factor *f, const Group *unit, int axis, Int m,
                       Int *residue) {
    Int index = f->constant[axis], position[LOOPS] = {0};
    int count = 0;
    for (int i = 0; i < s->loops; i++) index += f->slope[axis][i] * s->box.from[i];
    for (;;) {
        Int rest = index - rot180_floor(index, m) * m;
        int known = 0, i = 0;
        while (known < count && residue[known] != rest) known++;
        if (known == count && count == MAX_PHASES) return 0;
        if (known == count) residue[count++] = rest;
        for (; i < s->loops; i++) {
            Int back;
            if (!f->slope[axis][i] || in_group(unit, i)) continue;
            back = ++position[i] < s->box.count[i] ? 1 : 1 - s->box.count[i];
            index += back * f->slope[axis][i];
            if (back == 1) break;
            position[i] = 0;
        }
        if (i == s->loops) return count;
    }
}

/* Return the loop of `unit` that moves an axis, as a position in the group, or -1; the modulus: its
 * slope if it is the only one, or 1. */
static int moving_loop(const Sum *s, const Factor *f, const Group *unit, int axis, Int *modulus) {
    int moving = 0, last = -1;
    Int m = 1;
    for (int k = 0; k < unit->count; k++) {
        Int slope = f->slope[axis][unit->at[k]];
        if (!slope || s->extent[unit->at[k]] == 1) continue;
        moving++;
        last = k;
        m = slope < 0 ? -slope : slope;
    }
    *modulus = moving == 1 ? m : 1;
    return last;
}

/* Order the axes by the loop of `unit` that moves them, and lay them out: those that move in a
 * phase, then the phases, then the others. */
static void lay_out(const Sum *s, const Factor *f, const Group *unit, const int *last, int itemsize,
                    PhaseSplit *p) {
    Factor *to = &p->to;
    int n = 0;
    for (int pass = -1; pass < unit->count; pass++)
        for (int a = 0; a < f->axes; a++)
            if (last[a] == pass) p->order[n++] = a;
    p->bytes = itemsize;
    for (n = f->axes - 1; n >= 0 && last[p->order[n]] >= 0; n--) {
        to->stride[p->order[n]] = p->bytes;
        p->bytes *= p->places[p->order[n]];
        /* Lines of some length start alike within a line of the cache. */
        if (n == f->axes - 1 && p->bytes >= 3 * 64) p->bytes = (p->bytes + 63) / 64 * 64;
    }
    for (int a = f->axes - 1; a >= 0; a--) {
        to->phase_stride[a] = p->bytes;
        p->bytes *= to->phases[a];
    }
    for (; n >= 0; n--) {
        to->stride[p->order[n]] = p->bytes;
        p->bytes *= p->places[p->order[n]];
    }
    for (int i = 0; i < s->loops; i++) {
        to->step[i] = 0;
        for (int a = 0; a < f->axes; a++)
            to->step[i] += rot180_floor(f->slope[a][i], to->modulus[a]) * to->stride[a];
    }
}

/* Plan the copy of a part of a factor: the loops of `unit` become contiguous. Return 0 if it has
 * too many phases, or is far larger than what it copies. */
static int plan_split(const Sum *s, const Factor *f, const Group *unit, int itemsize,
                      PhaseSplit *p) {
    Factor *to = &p->to;
    double bytes = itemsize, source = itemsize;
    int last[AXES];
    p->bytes = 0; /* until the layout is known */
    *to = *f;
    to->checks = 0;
    to->split = 0;
    for (int a = 0; a < f->axes; a++) {
        Int low, high, m;
        last[a] = moving_loop(s, f, unit, a, &m);
        bounds(f, a, s->loops, &s->box, &low, &high);
        source *= (double)MAX(1, MIN(high, f->size[a] - 1) - MAX(low, 0) + 1);
        to->modulus[a] = 1;
        to->phases[a] = 1;
        if (m > 1) {
            to->phases[a] = find_phases(s, f, unit, a, m, to->residue[a]);
            if (!to->phases[a]) return 0;
            to->modulus[a] = m;
            to->split = 1;
            low = rot180_floor(low, m);
            high = rot180_floor(high, m);
        }
        to->low[a] = low;
        p->places[a] = high - low + 1;
        bytes *= (double)p->places[a] * to->phases[a];
    }
    if (bytes > 1e15) return 0;
    lay_out(s, f, unit, last, itemsize, p);
    return bytes <= 4 * source + 65536;
}

/* Return whether an operand must be copied before vectors can run along a group. */
static int needs_split(const Factor *f, const Group *unit, int itemsize) {
    int strided = 0;
    if (f->checks) return 1;
    for (int k = 0; k < unit->count; k++) {
        if (f->step[unit->at[k]] == itemsize) return 0;
        for (int a = 0; a < f->axes; a++)
            if (f->stride[a] == itemsize && f->slope[a][unit->at[k]]) strided = 1;
    }
    return strided;
}

/* Block the loops that a copy follows: wide enough to work on, yet small enough for the cache. */
static void block_split(Sum *s, Group *g, const Factor *f, const Group *other, int itemsize) {
    enum { WORTH = 1024, MOST = 65536, CACHE = 1 << 20, LEAST = 16 }; /* a vector, at least */
    Int most = 1;
    PhaseSplit p;
    for (int k = g->count - 1; k >= 0; k--) {
        Int extent = s->extent[g->at[k]];
        if (most >= WORTH && !shares_axis(f, g->at[k], other)) break;
        most = most >= WORTH || most * extent <= WORTH || k == g->count - 1 ||
                       shares_axis(f, g->at[k], other)
                   ? MIN(MOST, most * extent)
                   : (WORTH + most - 1) / most * most;
    }
    block(s, g, most);
    for (;;) {
        start(s, g);
        if (g->first >= g->count || g->step <= LEAST) return;
        if (!plan_split(s, f, g, itemsize, &p) || p.bytes <= CACHE) return;
        if (!shares_axis(f, g->at[g->first], other) && g->size / g->step >= WORTH) g->step = 1;
        else g->step = MAX(LEAST, g->step / 2);
        g->size = g->step;
        for (int k = g->first + 1; k < g->count; k++) g->size *= s->extent[g->at[k]];
    }
}

/* Return whether vectors can run along the last loop of k of a factor, as it stands or copied. */
static int runs_along_k(const Sum *s, const Factor *f, int itemsize) {
    PhaseSplit p;
    if (!needs_split(f, &s->k, itemsize)) return f->step[last_loop(&s->k)] == itemsize;
    return plan_split(s, f, &s->k, itemsize, &p) && p.to.step[last_loop(&s->k)] == itemsize;
}

#endif /* ROT180_PHASE_SPLIT_H */
