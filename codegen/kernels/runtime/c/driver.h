/* The driver: resolves a nest's maps, and computes the sum entry by entry or as a product. */
#ifndef ROT180_DRIVER_H
#define ROT180_DRIVER_H

#include "algorithm.h"
#include "choice.h"
#include "contraction.h"
#include "elementwise.h"
#include "fold.h"
#include "index_map.h"
#include "loop_group.h"
#include "not_finite.h"
#include "product.h"
#include "runs.h"
#include "simd.h"
#include "sum.h"
#include "type.h"
#include "watch.h"
#include "workspace.h"

/* Where m is small there is little for the columns of a block to share: outer loops of n become
 * loops of the batch. */
static void NAME(move_n_to_batch)(Sum *s) {
    enum { WORTH = 1024 };
    Group *g = &s->n;
    if (s->b_count > 1 || volume(s, &s->m) > 4) return;
    while (g->count > 1 && volume(s, g) / s->extent[g->at[0]] >= WORTH &&
           !shares_axis(s->b_factors, g->at[0], &s->k)) {
        for (int k = s->batch.count++; k > 0; k--) s->batch.at[k] = s->batch.at[k - 1];
        s->batch.at[0] = g->at[0];
        g->count--;
        for (int k = 0; k < g->count; k++) g->at[k] = g->at[k + 1];
    }
}

/* Read a nest's loops: their extents, and how many products there are. Return ANSWERED if nothing
 * is to be done. */
static int NAME(read_loops)(const Nest *nest, Sum *s, Box *all, double *work, int *empty) {
    s->loops = nest->loops;
    s->scale = nest->scale;
    s->fresh = nest->fresh;
    s->transposed = s->reason = *empty = 0;
    *work = 1;
    for (int i = 0; i < nest->loops; i++) {
        all->from[i] = nest->first[i];
        all->count[i] = s->extent[i] = s->box.count[i] = nest->stop[i] - nest->first[i];
        s->box.from[i] = 0;
        if (s->extent[i] < 1 && (nest->role[i] != REDUCTION || !nest->fresh)) return ANSWERED;
        if (s->extent[i] < 1) *empty = 1;
        if (s->extent[i] >= ENDLESS) return TOO_FAR;
        *work *= (double)s->extent[i];
    }
    return DONE;
}

/* Resolve the maps of the factors and of the output, which must be inside its box. */
static int NAME(read_maps)(const Nest *nest, Sum *s, Factor *factors, int count, const Box *all) {
    for (int n = 0; n < count; n++)
        if (resolve_map(&factors[n], &nest->factors[n], nest->loops, all)) return TOO_FAR;
    if (resolve_map(&s->out, &nest->out, nest->loops, all) || s->out.checks) return TOO_FAR;
    for (int i = 0; i < nest->loops; i++) s->spacing[i] = along_line(&s->out, i, sizeof(T));
    flatten(&s->out, nest->loops);
    return DONE;
}

/* Compute a sum as a product of its sides. */
static int NAME(multiply)(Sum *s, int isa) {
    TYPE(Fold) fold;
    int dot, said, folded;
    put_contiguous_last(s, sizeof(T));
    NAME(share_factors)(s);
    dot = choose_sides(s, sizeof(T));
    if (rot180_algorithm == ALGORITHM_DOTS)
        dot = s->b_count == 1 && s->a_count == 1 && s->k.count && s->b_factors->data &&
              s->a_factors->data;
    else if (rot180_algorithm != ALGORITHM_AUTOMATIC) dot = 0;
    if (!dot) NAME(move_n_to_batch)(s);
    folded = NAME(begin_fold)(s, &fold);
    said = NAME(product)(s, isa, dot, folded ? &fold : NULL);
    if (folded) give(fold.entries);
    return said == ANSWERED ? DONE : said;
}

/* Compute the outputs again that are NaN; `before`: what was in them, or NULL. */
static int NAME(correct)(const Nest *nest, const T *before, Watch *watch) {
    const int count = nest->left + nest->right;
    Factor *factors = take((size_t)count * sizeof(Factor));
    Box all;
    double work;
    int empty, failed;
    Sum s;
    if (!factors) return NO_MEMORY;
    (void)NAME(read_loops)(nest, &s, &all, &work, &empty);
    failed = NAME(read_maps)(nest, &s, factors, count, &all);
    s.b_factors = factors, s.b_count = nest->left;
    s.a_factors = factors + nest->left, s.a_count = nest->right;
    s.watch = watch;
    if (!failed) NAME(compute_again)(&s, nest->role, before);
    give(factors);
    return failed;
}

/* Compute a sum as a product of its sides, so that no zero around an array counts as a term. */
static int NAME(multiply_terms)(const Nest *nest, Sum *s, int isa) {
    const char *out = s->out.data;
    T *before = NULL;
    Runs r;
    Int entries = 1;
    int order[LOOPS], count, failed;
    if (asked.answers || !NAME(may_spread)(s)) return NAME(multiply)(s, isa);
    count = output_loops(s, nest->role, order);
    r.axes = 0;
    for (int k = 0; k < count; k++) {
        add_axis(&r, s->extent[order[k]], s->out.step[order[k]]);
        entries *= s->extent[order[k]];
    }
    if (!nest->fresh) {
        if (!(before = take((size_t)entries * sizeof(T)))) return NO_MEMORY;
        NAME(save)(s, order, count, out, before);
    }
    failed = NAME(multiply)(s, isa);
    if (!failed && !NAME(are_finite)(&r, 0, out)) failed = NAME(correct)(nest, before, s->watch);
    if (before) give(before);
    return failed;
}

/* Return the reason to compute a sum entry by entry, or 0. */
static int NAME(reason_for_entries)(const Nest *nest, int factors, double work) {
    if (!nest->right || !nest->left) return REASON_ONE_FACTOR;
    if (factors > MAX_TILE_FACTORS) return REASON_MANY_FACTORS;
    if (rot180_algorithm == ALGORITHM_AUTOMATIC ? work <= MAX_LOOP_PRODUCTS
                                                : rot180_algorithm <= ALGORITHM_ENTRIES)
        return REASON_FEW_LARGE;
    return 0;
}

/* Compute a sum whose maps are resolved. */
static int NAME(compute)(const Nest *nest, Sum *s, Factor *factors, int count, double work) {
    const int isa = rot180_isa < 0 ? rot180_best() : rot180_isa;
    const int entries = NAME(reason_for_entries)(nest, count, work);
    if (nest->fresh && entries && !asked.answers)
        NAME(store_zeros)(s, nest->role, 0, (char *)s->out.data);
    s->b_factors = factors, s->b_count = nest->left;
    s->a_factors = factors + nest->left, s->a_count = nest->right;
    collect(s, &s->batch, nest->role, BATCH), collect(s, &s->n, nest->role, ROWS);
    collect(s, &s->m, nest->role, COLUMNS), collect(s, &s->k, nest->role, REDUCTION);
    if (asked.answers) {
        answer(ALGORITHM_ENTRIES, entries, work)->isa = isa;
        asked.scratch = 0;
    }
    if (!entries) return NAME(multiply_terms)(nest, s, isa);
    if (asked.answers) return DONE;
    for (int n = 0; n < count; n++) flatten(&factors[n], nest->loops);
    join(s, &s->k), join(s, &s->m), join(s, &s->n);
    NAME(elementwise)(s, nest->role);
    return DONE;
}

/* Compute a sum of this type; return DONE, NO_MEMORY, TOO_FAR or ENDED. */
static int NAME(rot180_contract)(const Nest *nest, Watch *watch) {
    enum { FEW = 4 };
    Box all;
    Factor few[FEW], *factors = few;
    int count = nest->left + nest->right, empty, said;
    double work;
    Sum s;
    if (count > FACTORS) return TOO_FAR;
    s.watch = watch;
    said = NAME(read_loops)(nest, &s, &all, &work, &empty);
    if (said) return said == ANSWERED ? DONE : said;
    if (empty) count = 0;
    if (count > FEW && !(factors = take((size_t)count * sizeof(Factor)))) return NO_MEMORY;
    said = NAME(read_maps)(nest, &s, factors, count, &all);
    if (!said && empty) {
        if (!asked.answers) NAME(store_zeros)(&s, nest->role, 0, (char *)s.out.data);
    } else if (!said) said = NAME(compute)(nest, &s, factors, count, work);
    if (factors != few) give(factors);
    return said;
}

#endif /* ROT180_DRIVER_H */
