/* Any sum, entry by entry through the index maps: for small sums and for those with one side. No
 * memory is allocated; entries outside a box are never read. */
#ifndef ROT180_ELEMENTWISE_H
#define ROT180_ELEMENTWISE_H

#include "algorithm.h"
#include "contraction.h"
#include "sum.h"
#include "type.h"
#include "watch.h"

/* Store zeros at all places of the output that the loops from `loop` on visit. */
static void NAME(store_zeros)(const Sum *s, const int *roles, int loop, char *out) {
    while (loop < s->loops && (roles[loop] == REDUCTION || s->extent[loop] == 1)) loop++;
    if (loop == s->loops) *(T *)out = 0;
    else
        for (Int i = 0; i < s->extent[loop] && !ends(s->watch, 1); i++, out += s->out.step[loop])
            NAME(store_zeros)(s, roles, loop + 1, out);
}

/* A walk over all loops but the inner one: where it is in each factor and in the output. */
typedef struct {
    const Sum *s;
    int count; /* factors */
    const Factor *f[FACTORS];
    const char *at[FACTORS];
    Int value[FACTORS][AXES]; /* the indices that are checked */
    char *out;
    int inner, summed; /* the inner loop, or -1; whether it is summed */
    Int run, by;       /* its extent, its step in the output */
    int loops, order[LOOPS];
    Int position[LOOPS];
} TYPE(Walk);

/* The inner loop: the longest of those along which each array is contiguous or constant, or else
 * the longest. */
static int NAME(inner_loop)(const TYPE(Walk) *w) {
    const Sum *s = w->s;
    Int most = 0;
    int inner = -1;
    for (int i = 0; i < s->loops; i++) {
        int smooth = s->out.step[i] == 0 || s->out.step[i] == sizeof(T);
        if (s->extent[i] == 1) continue;
        for (int n = 0; n < w->count; n++)
            smooth = smooth && (w->f[n]->step[i] == 0 || w->f[n]->step[i] == sizeof(T));
        if (s->extent[i] + (smooth ? (Int)1 << 40 : 0) >= most) {
            most = s->extent[i] + (smooth ? (Int)1 << 40 : 0);
            inner = i;
        }
    }
    return inner;
}

/* Begin at a place of the loops that are not walked over, or where all are 0. */
static void NAME(go_to)(TYPE(Walk) *w, const Int *place) {
    for (int i = 0; i < LOOPS; i++) w->position[i] = 0;
    for (int n = 0; n < w->count; n++) {
        const Factor *f = w->f[n];
        w->at[n] = f->data;
        for (int a = 0; a < f->axes; a++) w->at[n] += f->constant[a] * f->stride[a];
        for (int c = 0; c < f->checks; c++) w->value[n][c] = f->constant[f->check[c]];
        for (int i = 0; place && i < w->s->loops; i++) {
            w->at[n] += place[i] * f->step[i];
            for (int c = 0; c < f->checks; c++)
                w->value[n][c] += place[i] * f->slope[f->check[c]][i];
        }
    }
}

static void NAME(begin_walk)(TYPE(Walk) *w, const Sum *s, const int *roles) {
    w->s = s;
    w->count = w->loops = 0;
    w->out = (char *)s->out.data;
    for (int n = 0; n < s->b_count; n++) w->f[w->count++] = &s->b_factors[n];
    for (int n = 0; n < s->a_count; n++) w->f[w->count++] = &s->a_factors[n];
    w->inner = NAME(inner_loop)(w);
    for (int i = s->loops - 1; i >= 0; i--)
        if (s->extent[i] > 1 && i != w->inner) w->order[w->loops++] = i;
    for (int a = 0; a < s->out.axes; a++) w->out += s->out.constant[a] * s->out.stride[a];
    NAME(go_to)(w, NULL);
    w->run = w->inner < 0 ? 1 : s->extent[w->inner];
    w->by = w->inner < 0 ? 0 : s->out.step[w->inner];
    w->summed = w->inner < 0 || roles[w->inner] == REDUCTION;
}

/* The part of the inner loop on which every factor is inside its box. */
static inline Span NAME(inner_span)(const TYPE(Walk) *w) {
    Span in = {0, w->run};
    for (int n = 0; n < w->count; n++)
        for (int c = 0; c < w->f[n]->checks; c++) {
            Int u = w->value[n][c], size = w->f[n]->size[w->f[n]->check[c]];
            Int slope = w->inner < 0 ? 0 : w->f[n]->slope[w->f[n]->check[c]][w->inner];
            if (slope < 0) u = size - 1 - u, slope = -slope;
            if (slope == 0) {
                if (u < 0 || u >= size) in.stop = 0;
            } else if (u >= size) in.stop = 0;
            else {
                if (u < 0) in.first = MAX(in.first, (slope - 1 - u) / slope);
                in.stop = MIN(in.stop, (size - 1 - u) / slope + 1);
            }
        }
    return in;
}

/* Two arrays along the inner loop. */
static inline void NAME(add_products)(const TYPE(Walk) *w, Span in, T scale) {
    Int p = w->inner < 0 ? 0 : w->f[0]->step[w->inner];
    Int q = w->inner < 0 ? 0 : w->f[1]->step[w->inner];
    const char *x = w->at[0] + in.first * p, *y = w->at[1] + in.first * q;
    if (w->summed) {
        T total = 0;
        for (Int i = in.first; i < in.stop; i++, x += p, y += q)
            total += *(const T *)x * *(const T *)y;
        *(T *)w->out += scale * total;
    } else {
        char *out = w->out + in.first * w->by;
        for (Int i = in.first; i < in.stop; i++, x += p, y += q, out += w->by)
            *(T *)out += scale * (*(const T *)x * *(const T *)y);
    }
}

/* One array, summed along the inner loop. */
static inline void NAME(add_sum)(const TYPE(Walk) *w, Span in, T scale) {
    Int p = w->inner < 0 ? 0 : w->f[0]->step[w->inner];
    const char *x = w->at[0] + in.first * p;
    T sums[16] = {0}, total = 0;
    Int i = in.first;
    if (p == sizeof(T))
        for (; i + 16 <= in.stop; i += 16, x += 16 * sizeof(T))
            for (int j = 0; j < 16; j++) sums[j] += ((const T *)x)[j];
    for (; i < in.stop; i++, x += p) total += *(const T *)x;
    for (int j = 0; j < 16; j++) total += sums[j];
    *(T *)w->out += scale * total;
}

/* Any number of arrays and boxes along the inner loop. */
static inline void NAME(add_any)(const TYPE(Walk) *w, Span in, T scale) {
    T total = 0;
    for (Int i = in.first; i < in.stop; i++) {
        T product = scale;
        for (int n = 0; n < w->count; n++)
            if (w->f[n]->data)
                product *=
                    *(const T *)(w->at[n] + (w->inner < 0 ? 0 : i * w->f[n]->step[w->inner]));
        if (w->summed) total += product;
        else *(T *)(w->out + i * w->by) += product;
    }
    if (w->summed && in.first < in.stop) *(T *)w->out += total;
}

/* Go to the next place of the outer loops; return 0 after the last. */
static inline int NAME(walk_on)(TYPE(Walk) *w) {
    for (int k = 0; k < w->loops; k++) {
        int i = w->order[k];
        Int back = ++w->position[i] < w->s->extent[i] ? 1 : 1 - w->s->extent[i];
        w->out += back * w->s->out.step[i];
        for (int n = 0; n < w->count; n++) {
            w->at[n] += back * w->f[n]->step[i];
            for (int c = 0; c < w->f[n]->checks; c++)
                w->value[n][c] += back * w->f[n]->slope[w->f[n]->check[c]][i];
        }
        if (back == 1) return 1;
        w->position[i] = 0;
    }
    return 0;
}

/* Add the products along a part of the inner loop. */
static inline void NAME(add_span)(const TYPE(Walk) *w, Span in, T scale) {
    const int any = in.first < in.stop;
    const int array = w->count && w->f[0]->data;
    if (any && w->count == 2 && array && w->f[1]->data) NAME(add_products)(w, in, scale);
    else if (any && w->count == 1 && array && w->summed) NAME(add_sum)(w, in, scale);
    else if (any && w->count == 1 && array && w->f[0]->step[w->inner] == 0) {
        T e = scale * *(const T *)w->at[0];
        char *out = w->out + in.first * w->by;
        for (Int i = in.first; i < in.stop; i++, out += w->by) *(T *)out += e;
    } else if (any && w->count == 1 && array && w->inner >= 0) {
        const Int p = w->f[0]->step[w->inner];
        const char *x = w->at[0] + in.first * p;
        char *out = w->out + in.first * w->by;
        for (Int i = in.first; i < in.stop; i++, x += p, out += w->by)
            *(T *)out += scale * *(const T *)x;
    } else NAME(add_any)(w, in, scale);
}

/* Add a sum to the output. */
static void NAME(elementwise)(const Sum *s, const int *roles) {
    enum { LONGEST = 1 << 22 }; /* part of the inner loop between two looks at the watch */
    const T scale = (T)s->scale;
    TYPE(Walk) w;
    NAME(begin_walk)(&w, s, roles);
    do {
        const Span in = NAME(inner_span)(&w);
        for (Span part = in; part.first < in.stop; part.first = part.stop) {
            part.stop = MIN(in.stop, part.first + LONGEST);
            NAME(add_span)(&w, part, scale);
            if (part.stop < in.stop && ends(s->watch, LONGEST)) return;
        }
    } while (!ends(s->watch, MIN(w.run, LONGEST) * w.count + 1) && NAME(walk_on)(&w));
}

#endif /* ROT180_ELEMENTWISE_H */
