/* Runs: the entries of an array or of an output in the order of their memory. */
#ifndef ROT180_RUNS_H
#define ROT180_RUNS_H

#include "contraction.h"
#include "sum.h"

/* Entries in memory: axes, outermost first; one that continues another is joined to it. */
typedef struct {
    int axes;
    Int size[LOOPS], step[LOOPS];
} Runs;

static void add_axis(Runs *r, Int size, Int step) {
    const int last = r->axes - 1;
    if (size == 1) return;
    if (r->axes && r->step[last] == step * size) r->size[last] *= size, r->step[last] = step;
    else r->size[r->axes] = size, r->step[r->axes++] = step;
}

/* Sort the loops of the output by their steps in memory, the longest first; return how many. */
static int output_loops(const Sum *s, const int *roles, int *order) {
    int count = 0;
    for (int i = 0; i < s->loops; i++) {
        int k = count;
        if (roles[i] == REDUCTION || s->extent[i] == 1) continue;
        for (; k > 0 && llabs(s->out.step[order[k - 1]]) < llabs(s->out.step[i]); k--)
            order[k] = order[k - 1];
        order[k] = i, count++;
    }
    return count;
}

/* Return whether factors may leave their boxes: zeros around them are then multiplied. */
static int meets_zeros(const Factor *f, int count) {
    for (; count > 0; count--, f++)
        if (f->checks) return 1;
    return 0;
}

#endif /* ROT180_RUNS_H */
