/* Packing: writes blocks of a and b as panels that micro-kernels read in order, and the state of a
 * product that all algorithms share. */
#ifndef ROT180_PACK_H
#define ROT180_PACK_H

#include "algorithm.h"
#include "contraction.h"
#include "micro_kernels.h"
#include "operand.h"
#include "sum.h"
#include "type.h"

typedef struct {
    const Sum *s;
    int isa, mr, lanes; /* of a tile: rows at most; entries of a vector */
    const TYPE(Kernels) *kernels;
    TYPE(Operand) a, b;
    int inner;         /* the innermost loop of n, or -1; columns along it are a piece: */
    Int run, out_step; /* j is place j % run of piece j / run, and pieces are tabulated */
    Int spacing;       /* entries between which the output may be written again, or 0 */
    Int *n_out, *m_out, *out_run; /* columns from a piece on that are contiguous in the output */
    Offsets *at;
    int fresh, add; /* nothing is in the output yet; what is summed now is added, else stored */
    int packed;     /* b is in its panel */
    Int period;     /* of terms, after which a piece reads what the next one did; or 0; less than
                       0: with the terms reversed */
    T *a_panel, *b_panel;
    char *out;
    char keep[128]; /* masks: of no entry, then of all */
    T *sums;        /* where the sums are kept, row by row, until they are transposed; or NULL */
    Int pitch;
} TYPE(Work);

/* Write columns [j, j + n) of b, which lie in pieces, as rows of `width` entries. */
static void NAME(pack_b_pieces)(const TYPE(Work) *w, Int j, Int n, Int from, Int terms, Int width,
                                T *to) {
    enum { MOST = MAX_VECTORS * 64 / sizeof(T) };
    const TYPE(View) *v = w->b.views;
    Int piece = j / w->run, place = j % w->run, start[MOST], length[MOST], pieces = 0;
    for (Int x = 0; x < n; x += length[pieces++], piece++, place = 0) {
        start[pieces] = v->own[piece] + place * (Int)sizeof(T);
        length[pieces] = MIN(n - x, w->run - place);
    }
    if (w->b.staged) {
        w->kernels->copy(terms, v->k + from, v->data, pieces, start, length, to, width);
        return;
    }
    for (Int t = 0; t < terms; t++, to += width) {
        const char *data = v->data + v->k[from + t];
        T *target = to;
        for (Int p = 0; p < pieces; target += length[p++])
            memcpy(target, data + start[p], (size_t)length[p] * sizeof(T));
    }
}

/* Write columns [j, j + n) of b, each entry a product, along the lines of a piece if these are
 * long, else along the terms. */
static void NAME(pack_b_products)(const TYPE(Work) *w, Int j, Int n, Int from, Int terms, Int width,
                                  T *to) {
    const TYPE(View) *v = w->b.views;
    const int count = w->b.count, inner = w->inner;
    Int piece = j / w->run, place = j % w->run, many;
    for (Int x = 0; x < n; x += many, piece++, place = 0, to += many) {
        many = MIN(n - x, w->run - place);
        for (Int t = 0; t < terms && inner >= 0 && many >= 8; t++)
            NAME(write_places)(v, count, piece, inner, place, from + t, many, to + t * width);
        for (Int i = 0; i < many && (inner < 0 || many < 8); i++)
            NAME(write_terms)(v, count, piece, inner, place + i, from, terms, to + i, width);
    }
}

/* Write columns [j, j + n) of a block of b, terms from `from` on, as rows of `width` entries. */
static void NAME(pack_b)(const TYPE(Work) *w, Int j, Int n, Int from, Int terms, Int width, T *to) {
    enum { MOST = MAX_VECTORS * 64 / sizeof(T), AT_ONCE = 16 };
    const TYPE(View) *v = w->b.views;
    Int step = w->inner < 0 ? 0 : v->f->step[w->inner], piece = j / w->run, place = j % w->run;
    Int start[MOST];
    if (!w->b.plain && NAME(is_unchecked)(v, w->b.count)) {
        NAME(pack_b_products)(w, j, n, from, terms, width, to);
        return;
    }
    if (!w->b.plain) {
        for (Int x = 0; x < n; x++) {
            for (Int t = 0; t < terms; t++)
                to[t * width + x] = NAME(entry)(v, w->b.count, piece, w->inner, place, from + t);
            if (++place == w->run) place = 0, piece++;
        }
        return;
    }
    if (step == sizeof(T) && w->run * 2 >= w->lanes) {
        NAME(pack_b_pieces)(w, j, n, from, terms, width, to);
        return;
    }
    for (Int x = 0; x < n; x++) {
        start[x] = v->own[piece] + place * step;
        if (++place == w->run) place = 0, piece++;
    }
    for (Int t = 0; t < terms; t += AT_ONCE) {
        Int many = MIN(AT_ONCE, terms - t);
        for (Int x = 0; x < n; x++) {
            const char *data = v->data + start[x];
            for (Int i = 0; i < many; i++)
                to[(t + i) * width + x] = *(const T *)(data + v->k[from + t + i]);
        }
    }
}

/* Write rows [i, i + n) of a block of a, terms from `from` on, mr entries a term. */
static void NAME(pack_a)(const TYPE(Work) *w, Int i, Int n, Int from, Int terms, T *to) {
    const TYPE(View) *v = w->a.views;
    Int mr = w->mr;
    for (Int r = 0; r < mr; r++)
        if (r >= n)
            for (Int t = 0; t < terms; t++) to[t * mr + r] = 0;
        else if (w->a.plain) {
            const char *data = v->data + v->own[i + r];
            for (Int t = 0; t < terms; t++) to[t * mr + r] = *(const T *)(data + v->k[from + t]);
        } else if (NAME(is_unchecked)(v, w->a.count))
            NAME(write_terms)(v, w->a.count, i + r, -1, 0, from, terms, to + r, mr);
        else
            for (Int t = 0; t < terms; t++)
                to[t * mr + r] = NAME(entry)(v, w->a.count, i + r, -1, 0, from + t);
}

/* Answer how a block is computed. */
static void NAME(answer_block)(const TYPE(Work) *w, int algorithm, int reason, Int rows,
                               Int vectors, Int m, Int n, Int k) {
    Answer *a = &asked.answers[asked.count - 1];
    set_algorithm(a, algorithm, reason);
    a->isa = w->isa, a->rows = (int)rows, a->vectors = (int)vectors;
    a->m_split = w->a.staged, a->n_split = w->b.staged;
    a->m = m, a->n = n, a->k = k, a->scratch = (double)asked.scratch;
}

/* The columns of one strip, as a number of vectors that there are kernels for. */
static Int NAME(vectors)(Int lanes, Int columns, Int most) {
    Int n = (columns + lanes - 1) / lanes;
    return n >= most ? most : n > 3 ? MAX_VECTORS : n;
}

/* The rows of the smallest tile that holds n. */
static Int NAME(tile_rows)(Int n) { return n > 4 ? MAX_MR : n; }

#endif /* ROT180_PACK_H */
