/* Groups of loops: collected by role, joined where two are one long loop, cut into blocks, and
 * visited block by block. */
#ifndef ROT180_LOOP_GROUP_H
#define ROT180_LOOP_GROUP_H

#include "algorithm.h"
#include "sum.h"

static int continues_in(const Sum *s, const Factor *f, int outer, int inner) {
    for (int a = 0; a < f->axes; a++)
        if (f->slope[a][outer] != f->slope[a][inner] * s->extent[inner]) return 0;
    return 1;
}

/* Return whether two loops are one long loop for every factor and the output. */
static int continues(const Sum *s, int outer, int inner) {
    if (!continues_in(s, &s->out, outer, inner)) return 0;
    for (int i = 0; i < s->b_count; i++)
        if (!continues_in(s, &s->b_factors[i], outer, inner)) return 0;
    for (int i = 0; i < s->a_count; i++)
        if (!continues_in(s, &s->a_factors[i], outer, inner)) return 0;
    return 1;
}

/* Collect the loops of a role. */
static void collect(Sum *s, Group *g, const int *role, int wanted) {
    g->count = 0;
    for (int i = 0; i < s->loops; i++)
        if (role[i] == wanted && s->extent[i] > 1) g->at[g->count++] = i;
}

/* Join successive loops that are one long loop. */
static void join(Sum *s, Group *g) {
    for (int k = g->count - 1; k > 0; k--) {
        int outer = g->at[k - 1], inner = g->at[k];
        if (!continues(s, outer, inner)) continue;
        s->extent[inner] *= s->extent[outer];
        s->extent[outer] = 1;
        s->box.count[inner] = s->extent[inner];
        s->box.count[outer] = 1;
        for (int n = k - 1; n + 1 < g->count; n++) g->at[n] = g->at[n + 1];
        g->count--;
    }
}

/* Block a group: as many of the inner loops as fit into `most` positions. */
static void block(const Sum *s, Group *g, Int most) {
    g->size = g->step = 1;
    for (g->first = g->count; g->first > 0; g->first--) {
        Int extent = s->extent[g->at[g->first - 1]];
        g->step = MIN(extent, MAX(1, most / g->size));
        g->size *= g->step;
        if (g->step < extent) {
            g->first--;
            return;
        }
    }
}

/* Go to the first block. */
static void start(Sum *s, const Group *g) {
    for (int k = 0; k < g->count; k++) {
        int i = g->at[k];
        s->box.from[i] = 0;
        s->box.count[i] = k > g->first    ? s->extent[i]
                          : k == g->first ? MIN(g->step, s->extent[i])
                                          : 1;
    }
}

/* Go to the next block; return 0, and start over, after the last. */
static int advance(Sum *s, const Group *g) {
    for (int k = MIN(g->first, g->count - 1); k >= 0; k--) {
        int i = g->at[k];
        Int by = k == g->first ? g->step : 1;
        s->box.from[i] += by;
        if (s->box.from[i] < s->extent[i]) {
            s->box.count[i] = MIN(by, s->extent[i] - s->box.from[i]);
            return 1;
        }
        s->box.from[i] = 0;
        s->box.count[i] = k == g->first ? MIN(g->step, s->extent[i]) : 1;
    }
    return 0;
}

/* How many positions a group has in the block. */
static Int positions(const Sum *s, const Group *g) {
    Int n = 1;
    for (int k = g->first; k < g->count; k++) n *= s->box.count[g->at[k]];
    return n;
}

/* How many positions a group has in all. */
static Int volume(const Sum *s, const Group *g) {
    Int n = 1;
    for (int k = 0; k < g->count; k++) n *= s->extent[g->at[k]];
    return n;
}

static int whole(const Sum *s, const Group *g) { return g->size == volume(s, g); }

static int last_loop(const Group *g) { return g->at[g->count - 1]; }

static int in_group(const Group *g, int loop) {
    for (int k = 0; k < g->count; k++)
        if (g->at[k] == loop) return 1;
    return 0;
}

/* Return whether a loop shares an axis of an operand with a group's loops. */
static int shares_axis(const Factor *f, int loop, const Group *other) {
    for (int a = 0; a < f->axes; a++)
        if (f->slope[a][loop])
            for (int k = 0; k < other->count; k++)
                if (f->slope[a][other->at[k]]) return 1;
    return 0;
}

#endif /* ROT180_LOOP_GROUP_H */
