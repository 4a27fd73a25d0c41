/* The two operands of a product while it is computed: tables of their offsets over the block at
 * hand, and the phase-split copy of one that is staged. */
#ifndef ROT180_OPERAND_H
#define ROT180_OPERAND_H

#include "contraction.h"
#include "index_map.h"
#include "loop_group.h"
#include "phase_split.h"
#include "staging.h"
#include "sum.h"
#include "type.h"
#include "workspace.h"

/* The tables of one factor over the block at hand: along its own side, m or n, and along k. */
typedef struct {
    const Factor *f;
    const char *data;
    Int *own, *k, *own_value[AXES], *k_value[AXES];
} TYPE(View);

/* The factors of a or b. A plain operand is one array, read without checks; a staged one is read
 * from its phase-split copy. */
typedef struct {
    int count, plain, staged;
    Factor *factors;
    TYPE(View) *views;
    PhaseSplit copy;
    void *memory;
    size_t memory_size;
} TYPE(Operand);

/* The product of an operand's factors; `inner` is the loop that its tables leave out, or -1. */
static T NAME(entry)(const TYPE(View) *v, int count, Int own, int inner, Int place, Int k) {
    T out = 1;
    for (; count > 0; count--, v++) {
        const Factor *f = v->f;
        Int far = inner < 0 ? 0 : place * f->step[inner];
        for (int c = 0; c < f->checks; c++) {
            Int u = v->own_value[c][own] + v->k_value[c][k];
            if (inner >= 0) u += place * f->slope[f->check[c]][inner];
            if (u < 0 || u >= f->size[f->check[c]]) return 0;
        }
        if (f->data) out *= *(const T *)(v->data + v->own[own] + far + v->k[k]);
    }
    return out;
}

/* Return whether all factors of an operand are read without checks. */
static int NAME(is_unchecked)(const TYPE(View) *v, int count) {
    for (; count > 0; count--, v++)
        if (v->f->checks) return 0;
    return 1;
}

/* Write the products of an operand's factors, which are read without checks, at n terms from `from`
 * on, `by` entries apart. */
static void NAME(write_terms)(const TYPE(View) *v, int count, Int own, int inner, Int place,
                              Int from, Int n, T *to, Int by) {
    int begun = 0;
    for (; count > 0; count--, v++) {
        const Int *k = v->k + from;
        const char *data = v->data;
        if (!v->f->data) continue;
        data += v->own[own] + (inner < 0 ? 0 : place * v->f->step[inner]);
        if (begun)
            for (Int t = 0; t < n; t++) to[t * by] *= *(const T *)(data + k[t]);
        else
            for (Int t = 0; t < n; t++) to[t * by] = *(const T *)(data + k[t]);
        begun = 1;
    }
    for (Int t = 0; t < n && !begun; t++) to[t * by] = 1;
}

/* Write the same at one term and n places along the inner loop, one after another. */
static void NAME(write_places)(const TYPE(View) *v, int count, Int own, int inner, Int place, Int k,
                               Int n, T *to) {
    int begun = 0;
    for (; count > 0; count--, v++) {
        const Int step = v->f->step[inner];
        const char *data = v->data;
        if (!v->f->data) continue;
        data += v->own[own] + place * step + v->k[k];
        for (Int x = 0; x < n && !begun; x++) to[x] = 1;
        begun = 1;
        if (step == 0) {
            const T once = *(const T *)data;
            for (Int x = 0; x < n; x++) to[x] *= once;
        } else if (step == sizeof(T))
            for (Int x = 0; x < n; x++) to[x] *= ((const T *)data)[x];
        else
            for (Int x = 0; x < n; x++, data += step) to[x] *= *(const T *)data;
    }
    for (Int x = 0; x < n && !begun; x++) to[x] = 1;
}

/* Copy the part at hand of a staged operand; `again` says that it is laid out as before. */
static int NAME(stage)(const Sum *s, TYPE(Operand) *x, const Group *unit,
                       const TYPE(Kernels) *kernels, int again) {
    PhaseSplit *p = &x->copy;
    size_t bytes;
    if (!x->staged) return DONE;
    if (!again) {
        Int first, stop;
        plan_split(s, x->factors, unit, sizeof(T), p);
        if (!p->bytes) return TOO_FAR;
        bytes = (size_t)p->bytes + 1024;
        if (bytes > x->memory_size) {
            if (x->memory) give(x->memory);
            x->memory = take(bytes);
            if (!x->memory) return NO_MEMORY;
            x->memory_size = bytes;
        }
        NAME(inside)(p, x->factors, p->order[p->to.axes - 1], 0, &first, &stop);
        p->to.data = (char *)x->memory + (64 - first * (Int)sizeof(T) % 64);
    }
    NAME(copy_axis)(p, kernels, again, 0, x->factors, x->factors->data, (char *)p->to.data);
    return DONE;
}

/* Fill in an operand's tables, but for the `skip` and `k_skip` innermost loops. The corner's offset
 * is in the table of its own side, or of k. */
static void NAME(tabulate)(const Sum *s, TYPE(Operand) *x, const Group *own, int skip, int k_skip,
                           int own_located) {
    for (int n = 0; n < x->count; n++) {
        TYPE(View) *v = &x->views[n];
        v->f = x->staged ? &x->copy.to : &x->factors[n];
        v->data = v->f->data;
        if (own_located) {
            located_table(s, v->f, own, skip, v->own);
            linear_table(s, &s->k, k_skip, v->f->step, v->k);
        } else {
            located_table(s, v->f, &s->k, k_skip, v->k);
            linear_table(s, own, skip, v->f->step, v->own);
        }
        for (int c = 0; c < v->f->checks; c++) {
            int a = v->f->check[c];
            Int base = v->f->constant[a], all = positions(s, &s->k);
            for (int i = 0; i < s->loops; i++) base += v->f->slope[a][i] * s->box.from[i];
            linear_table(s, own, skip, v->f->slope[a], v->own_value[c]);
            linear_table(s, &s->k, 0, v->f->slope[a], v->k_value[c]);
            for (Int t = 0; t < all; t++) v->k_value[c][t] += base;
        }
    }
}

/* The bytes of an operand's tables. */
static Int NAME(tables_size)(const TYPE(Operand) *x, Int own, Int k) {
    Int size = 0;
    for (int n = 0; n < x->count; n++)
        size += (own + k + 32) * (1 + x->factors[n].checks) * (Int)sizeof(Int);
    return size;
}

static void NAME(take_tables)(TYPE(Operand) *x, Arena *arena, Int own, Int k) {
    for (int n = 0; n < x->count; n++) {
        TYPE(View) *v = &x->views[n];
        v->own = arena_take(arena, own * (Int)sizeof(Int));
        v->k = arena_take(arena, k * (Int)sizeof(Int));
        for (int c = 0; c < x->factors[n].checks; c++) {
            v->own_value[c] = arena_take(arena, own * (Int)sizeof(Int));
            v->k_value[c] = arena_take(arena, k * (Int)sizeof(Int));
        }
    }
}

/* Return whether another place of the batch only moves an operand's data: its tables and the layout
 * of its copy stay. */
static int NAME(only_data_moves)(const Sum *s, const TYPE(Operand) *x) {
    const Factor *f = x->factors;
    if (!x->plain) return 0;
    if (!x->staged) return 1;
    for (int k = 0; k < s->batch.count; k++)
        for (int a = 0; a < f->axes; a++) {
            if (!f->slope[a][s->batch.at[k]]) continue;
            for (int c = 0; c < f->checks; c++)
                if (f->check[c] == a) return 0;
            for (int i = 0; i < s->loops; i++)
                if (f->slope[a][i] && s->extent[i] > 1 && !in_group(&s->batch, i)) return 0;
        }
    return 1;
}

/* Move an operand's data to this place of the batch. */
static void NAME(move_data)(const Sum *s, TYPE(Operand) *x, const char *data) {
    for (int k = 0; k < s->batch.count; k++)
        data += x->factors->step[s->batch.at[k]] * s->box.from[s->batch.at[k]];
    x->factors->data = data;
    if (!x->staged) x->views->data = data;
}

#endif /* ROT180_OPERAND_H */
