/* Folding: where one side of a product is itself a product of arrays, such as e[i,j] * r[i], its
 * entries are multiplied once for each place of the batch. What multiplies the sides then reads one
 * array. */
#ifndef ROT180_FOLD_H
#define ROT180_FOLD_H

#include "algorithm.h"
#include "contraction.h"
#include "loop_group.h"
#include "sum.h"
#include "type.h"
#include "workspace.h"

/* A side that is folded: the loops over its entries, outermost first, and its arrays. */
typedef struct {
    int loops, at[LOOPS], count;
    Int extent[LOOPS];
    const Factor *factors;
    const char *last[FACTORS]; /* where the arrays were folded last */
    T *entries;
    Factor product;
} TYPE(Fold);

/* Exchange two factors of a sum. */
static void NAME(exchange)(Factor *a, Factor *b) {
    const Factor kept = *a;
    if (a != b) *a = *b, *b = kept;
}

/* Return whether a factor is constant along a group of loops. */
static int NAME(is_constant)(const Factor *f, const Group *g) {
    for (int k = 0; k < g->count; k++)
        for (int a = 0; a < f->axes; a++)
            if (f->slope[a][g->at[k]]) return 0;
    return 1;
}

/* Move the factors that depend on neither m nor n to the side that has fewer entries, if one array
 * is left. The factors of b are before those of a. */
static void NAME(share_factors)(Sum *s) {
    const int to_b = volume(s, &s->n) <= volume(s, &s->m);
    const Group *from = to_b ? &s->m : &s->n;
    Factor *factors = to_b ? s->a_factors : s->b_factors;
    int count = to_b ? s->a_count : s->b_count, own = -1;
    for (int n = 0; n < count; n++) {
        if (NAME(is_constant)(&factors[n], from)) continue;
        if (own >= 0) return;
        own = n;
    }
    if (count < 2 || own < 0) return;
    NAME(exchange)(&factors[own], &factors[to_b ? count - 1 : 0]);
    s->a_factors += to_b ? count - 1 : 1 - count;
    s->a_count += to_b ? 1 - count : count - 1;
    s->b_count += to_b ? count - 1 : 1 - count;
}

/* The loop that entries are contiguous along: the longest of those along which each array is
 * contiguous or constant, or else the longest. */
static int NAME(line_loop)(const Sum *s, const Group *g) {
    Int most = 0;
    int found = -1;
    for (int k = 0; k < g->count; k++) {
        const int i = g->at[k];
        Int worth = s->extent[i];
        for (int n = 0; n < s->a_count; n++) {
            const Int step = s->a_factors[n].step[i];
            worth += step == 0 || step == sizeof(T) ? (Int)1 << 40 : 0;
        }
        if (worth > most) most = worth, found = i;
    }
    return found;
}

/* Order the loops over the entries of side a: the one that they are contiguous along last, after
 * the others of its group. */
static void NAME(order_loops)(const Sum *s, TYPE(Fold) *f) {
    Group all = s->m;
    int line, last;
    for (int k = 0; k < s->k.count; k++) all.at[all.count++] = s->k.at[k];
    line = NAME(line_loop)(s, &all);
    last = line >= 0 && in_group(&s->m, line);
    f->loops = 0;
    for (int part = 0; part < 2; part++) {
        const Group *g = part == last ? &s->m : &s->k;
        for (int k = 0; k < g->count; k++)
            if (g->at[k] != line) f->at[f->loops++] = g->at[k];
    }
    if (line >= 0) f->at[f->loops++] = line;
}

/* Let side a be one array, of the products of its arrays; return 0 if it has only one array, or one
 * that is read with checks, or if it would take too much memory. */
static int NAME(begin_fold)(Sum *s, TYPE(Fold) *f) {
    enum { MOST = 1 << 22 };
    const Int rows = volume(s, &s->m), each = volume(s, &s->k);
    Factor *product = &f->product;
    Int step = sizeof(T);
    if (s->a_count < 2 || !rows || !each || each > MOST / (Int)sizeof(T) / rows) return 0;
    for (int n = 0; n < s->a_count; n++)
        if (s->a_factors[n].checks || !s->a_factors[n].data) return 0;
    f->entries = take((size_t)(rows * each) * sizeof(T));
    if (!f->entries) return 0;
    NAME(order_loops)(s, f);
    f->factors = s->a_factors, f->count = s->a_count;
    f->last[0] = NULL;
    memset(product, 0, sizeof *product);
    product->data = (const char *)f->entries;
    product->axes = 1;
    product->size[0] = PTRDIFF_MAX;
    product->stride[0] = product->modulus[0] = product->phases[0] = 1;
    for (int k = f->loops - 1; k >= 0; k--) {
        const int i = f->at[k];
        f->extent[k] = s->extent[i];
        product->step[i] = product->slope[0][i] = step;
        step *= s->extent[i];
    }
    s->a_factors = product, s->a_count = 1;
    return 1;
}

/* Write the products along a line: of the arrays that are constant along it first. */
static void NAME(fold_line)(const TYPE(Fold) *f, const char *const *at, Int n, T *to) {
    const int line = f->loops ? f->at[f->loops - 1] : -1;
    T once = 1;
    int begun = 0;
    for (int c = 0; c < f->count; c++)
        if (line < 0 || f->factors[c].step[line] == 0) once *= *(const T *)at[c];
    for (int c = 0; c < f->count; c++) {
        const Int step = line < 0 ? 0 : f->factors[c].step[line];
        const char *from = at[c];
        if (step == 0) continue;
        if (step == sizeof(T) && begun)
            for (Int i = 0; i < n; i++) to[i] *= ((const T *)from)[i];
        else if (step == sizeof(T))
            for (Int i = 0; i < n; i++) to[i] = once * ((const T *)from)[i];
        else if (begun)
            for (Int i = 0; i < n; i++) to[i] *= *(const T *)(from + i * step);
        else
            for (Int i = 0; i < n; i++) to[i] = once * *(const T *)(from + i * step);
        begun = 1;
    }
    for (Int i = 0; i < n && !begun; i++) to[i] = once;
}

/* Multiply the entries at this place of the batch, unless they are those of the last place. */
static void NAME(fold)(const Sum *s, TYPE(Fold) *f) {
    const char *at[FACTORS];
    Int position[LOOPS] = {0};
    const Int n = f->loops ? f->extent[f->loops - 1] : 1;
    T *to = f->entries;
    int same = f->last[0] != NULL, k;
    for (int c = 0; c < f->count; c++) {
        const Factor *one = &f->factors[c];
        at[c] = one->data;
        for (int a = 0; a < one->axes; a++) at[c] += one->constant[a] * one->stride[a];
        for (int b = 0; b < s->batch.count; b++)
            at[c] += one->step[s->batch.at[b]] * s->box.from[s->batch.at[b]];
        same = same && f->last[c] == at[c];
        f->last[c] = at[c];
    }
    if (same) return;
    do {
        NAME(fold_line)(f, at, n, to);
        to += n;
        for (k = f->loops - 2; k >= 0; k--) {
            const int back = ++position[k] == f->extent[k];
            const Int by = back ? 1 - f->extent[k] : 1;
            for (int c = 0; c < f->count; c++) at[c] += by * f->factors[c].step[f->at[k]];
            if (!back) break;
            position[k] = 0;
        }
    } while (k >= 0);
}

#endif /* ROT180_FOLD_H */
