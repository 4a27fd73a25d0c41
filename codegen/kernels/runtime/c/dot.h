/* Products along the sum: vectors run along the last loop of k, along which both operands are
 * contiguous; nothing is packed. */
#ifndef ROT180_DOT_H
#define ROT180_DOT_H

#include "algorithm.h"
#include "contraction.h"
#include "loop_group.h"
#include "micro_kernels.h"
#include "pack.h"
#include "store.h"
#include "type.h"
#include "watch.h"

/* Runs shorter than a vector: entry by entry. */
static void NAME(dot_short)(TYPE(Work) *w, Int m, Int n, Int runs, Int run) {
    const TYPE(View) *bv = w->b.views, *av = w->a.views;
    for (Int i = 0; i < m && !ends(w->s->watch, n * runs * run); i++)
        for (Int j = 0; j < n; j++) {
            T sum = 0;
            for (Int r = 0; r < runs; r++) {
                const T *a = (const T *)(av->data + av->own[i] + w->at[r].a);
                const T *b = (const T *)(bv->data + bv->own[j] + w->at[r].b);
                for (Int t = 0; t < run; t++) sum += a[t] * b[t];
            }
            NAME(scatter)(w, &sum, 1, i, 1, j, 1);
        }
}

/* Tiles of rows x columns entries. */
static void NAME(dot_tiles)(TYPE(Work) *w, Int m, Int n, Int runs, Int run, Int rows, Int columns) {
    const TYPE(View) *bv = w->b.views, *av = w->a.views;
    T tile[MAX_MR * MAX_VECTORS];
    for (Int i = 0; i < m && !ends(w->s->watch, rows * n * runs * run); i += rows)
        for (Int j = 0, many; j < n; j += many) {
            Int some[MAX_MR], others[MAX_VECTORS], left = MIN(rows, m - i);
            Int tile_rows = left > 2 ? 4 : left;
            many = MIN(columns, n - j);
            if (many > 3 && many < 6) many = 3;
            for (Int r = 0; r < tile_rows; r++) some[r] = av->own[i + MIN(r, left - 1)];
            for (Int c = 0; c < many; c++) others[c] = bv->own[j + c];
            memset(tile, 0, sizeof(tile));
            w->kernels->dot[tile_rows][many](runs, w->at, run, av->data, some, bv->data, others,
                                             tile);
            NAME(scatter)(w, tile, many, i, left, j, many);
        }
}

/* Multiply one block. */
static void NAME(dot_block)(TYPE(Work) *w, Int m, Int n, Int k) {
    const TYPE(View) *bv = w->b.views, *av = w->a.views;
    Int run = w->s->box.count[last_loop(&w->s->k)], runs = k / run, by;
    Int rows = has_many_registers(w->isa) || n <= 3 ? 4 : 2;
    Int columns = rows == 4 && !has_many_registers(w->isa) ? 3 : 6;
    if (asked.answers) {
        NAME(answer_block)(w, ALGORITHM_DOTS, w->s->reason, rows, columns, m, n, k);
        return;
    }
    by = MAX(1, 4096 / run);
    for (Int r = 0; r < runs && !ended(w->s->watch); r += by) {
        Int many = MIN(by, runs - r);
        w->add = !w->fresh || r > 0;
        for (Int p = 0; p < many; p++) {
            w->at[p].a = av->k[r + p];
            w->at[p].b = bv->k[r + p];
        }
        if (run < w->lanes) NAME(dot_short)(w, m, n, many, run);
        else NAME(dot_tiles)(w, m, n, many, run, rows, columns);
    }
}

#endif /* ROT180_DOT_H */
