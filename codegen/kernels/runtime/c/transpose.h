/* Matrix products whose tiles are transposed in registers before they are added to the output: b is
 * packed once, a is read where it stands, and the output is contiguous along m. */
#ifndef ROT180_TRANSPOSE_H
#define ROT180_TRANSPOSE_H

#include "algorithm.h"
#include "choice.h"
#include "contraction.h"
#include "micro_kernels.h"
#include "pack.h"
#include "simd.h"
#include "type.h"
#include "watch.h"
#include "workspace.h"

#ifdef ROT180_VECTORS
/* Add or store a tile, transposed: a row of it is a column of the output. */
static void NAME(add_transposed)(const TYPE(Work) *w, const T *tile, Int pitch, Int i, Int rows,
                                 Int j, Int n) {
    const T scale = (T)w->s->scale;
    Int columns[64 / sizeof(T)], lanes = w->lanes;
    int square = rows == lanes && scale == 1;
    for (Int r = 1; r < rows && square; r++)
        square = w->m_out[i + r] - w->m_out[i + r - 1] == sizeof(T);
    for (Int x = 0; x < n; x += lanes) {
        Int many = MIN(lanes, n - x);
        for (Int c = 0; c < many; c++)
            columns[c] = w->n_out[(j + x + c) / w->run] + (j + x + c) % w->run * w->out_step;
        if (square && many == lanes) {
            w->kernels->transpose(tile + x, pitch, w->out + w->m_out[i], columns, w->add);
            continue;
        }
        for (Int c = 0; c < many; c++)
            for (Int r = 0; r < rows; r++) {
                T *out = (T *)(w->out + w->m_out[i + r] + columns[c]);
                *out = (w->add ? *out : 0) + scale * tile[r * pitch + x + c];
            }
    }
}

/* Multiply one strip of columns, terms [t, t + terms), rows [from, stop); the rows after those at
 * hand are fetched meanwhile where they lie far apart. */
static void NAME(transposed_strip)(TYPE(Work) *w, Int from, Int stop, Int x, Int columns, Int nr,
                                   Int t, Int terms, Int k) {
    static const Int none[MAX_PIECES] = {0};
    const TYPE(View) *v = w->a.views;
    const Int lanes = w->lanes, group = MAX(lanes, w->mr);
    const char *b = (const char *)(w->b_panel + x * k + t * nr);
    T tile[64 / sizeof(T) * 3 * 64 / sizeof(T)];
    Int some[MAX_MR], out_rows[MAX_MR];
    w->add = !w->fresh || t > 0;
    for (Int r = 0; r < MAX_MR; r++) out_rows[r] = r * nr * (Int)sizeof(T);
    for (Int p = 0; p < terms; p++) {
        w->at[p].a = v->k[t + p];
        w->at[p].b = p * nr * (Int)sizeof(T);
    }
    for (Int i = from; i < stop; i += group) {
        const Int rows = MIN(group, stop - i);
        if (x == 0 && !w->a.staged && i + group < stop)
            for (Int p = 0; p < terms; p++) PREFETCH(v->data + v->own[i + group] + w->at[p].a);
        for (Int r = 0; r < rows; r += w->mr) {
            Int n = MIN(w->mr, rows - r), tile_rows = NAME(tile_rows)(n);
            for (Int c = 0; c < tile_rows; c++) some[c] = v->own[i + r + MIN(c, n - 1)];
            w->kernels->tile[tile_rows][1][nr / lanes](terms, v->data, some, b, none, w->at,
                                                       (nr - lanes) * (Int)sizeof(T), w->keep + 64,
                                                       (char *)(tile + r * nr), out_rows, none, 0);
        }
        for (Int r = 0; r < rows; r += lanes)
            NAME(add_transposed)(w, tile + r * nr, nr, i + r, MIN(lanes, rows - r), x, columns);
    }
}

/* Multiply one block. */
static void NAME(transposed_block)(TYPE(Work) *w, Int m, Int n, Int k) {
    const Int lanes = w->lanes, all = (n + lanes - 1) / lanes, strips = (all + 2) / 3;
    const Int vectors = (all + strips - 1) / strips, nr = vectors * lanes;
    const Int blocks = (k + TRANSPOSED_KC - 1) / TRANSPOSED_KC, kc = (k + blocks - 1) / blocks;
    const Int group = MAX(lanes, w->mr);
    const Int mc = MAX(1, (1 << 18) / ((Int)sizeof(T) * k * group)) * group;
    if (asked.answers) {
        NAME(answer_block)(w, ALGORITHM_TRANSPOSED, w->s->reason, w->mr, vectors, m, n, k);
        return;
    }
    for (Int x = 0; x < n && !w->packed; x += nr)
        NAME(pack_b)(w, x, MIN(nr, n - x), 0, k, nr, w->b_panel + x * k);
    w->packed = 1;
    for (Int from = 0; from < m; from += mc)
        for (Int x = 0; x < n; x += nr)
            for (Int t = 0; t < k; t += kc) {
                Int stop = MIN(m, from + mc), columns = MIN(nr, n - x), terms = MIN(kc, k - t);
                if (ends(w->s->watch, (stop - from) * columns * terms)) return;
                NAME(transposed_strip)(w, from, stop, x, columns, nr, t, terms, k);
            }
}
#endif

#endif /* ROT180_TRANSPOSE_H */
