/* Matrix products by tiles: b is packed into panels, or read where it lies; a is packed, or read
 * where it stands. A block is m x n x k; kc terms and nc columns are worked on at a time, in strips
 * of nr columns and tiles of mr rows. */
#ifndef ROT180_GEMM_H
#define ROT180_GEMM_H

#include "algorithm.h"
#include "choice.h"
#include "contraction.h"
#include "micro_kernels.h"
#include "pack.h"
#include "store.h"
#include "type.h"
#include "watch.h"

/* Multiply rows [i, i + n) of a by one packed strip of b, columns [j, j + columns). */
static void NAME(multiply_packed)(const TYPE(Work) *w, const char *a, const Int *rows, Int i, Int n,
                                  const char *b, Int terms, Int vectors, Int j, Int columns) {
    static const Int none[MAX_PIECES] = {0};
    Int some[MAX_MR], out_rows[MAX_MR], tile_rows = NAME(tile_rows)(n);
    T tile[MAX_MR * MAX_VECTORS * 64 / sizeof(T)];
    const int half = w->isa == IN_HALVES && columns * (Int)sizeof(T) <= 32;
    const Int lanes = half ? w->lanes / 2 : w->lanes;
    Int width = vectors * lanes, last = (width - lanes) * (Int)sizeof(T);
    const TYPE(Kernels) *kernels = half ? NAME(kernels)[HALVES] : w->kernels;
    TYPE(Tile) *kernel = kernels->tile[tile_rows][1][vectors];
    Int piece = j / w->run, place = j - piece * w->run;
    for (Int r = 0; r < MAX_MR; r++) some[r] = rows[MIN(r, n - 1)];
    if (w->sums) {
        for (Int r = 0; r < MAX_MR; r++) out_rows[r] = (i + r) * w->pitch * (Int)sizeof(T);
        kernel(terms, a, some, b, none, w->at, last, w->keep + 64, (char *)(w->sums + j), out_rows,
               none, 1);
        return;
    }
    if (tile_rows == n && columns == width && w->s->scale == 1 && w->out_step == sizeof(T) &&
        place + width <= w->out_run[piece]) {
        kernel(terms, a, some, b, none, w->at, last, w->keep + 64,
               w->out + w->n_out[piece] + place * (Int)sizeof(T), w->m_out + i, none, w->add);
        return;
    }
    for (Int r = 0; r < MAX_MR; r++) out_rows[r] = r * width * (Int)sizeof(T);
    kernel(terms, a, some, b, none, w->at, last, w->keep + 64, (char *)tile, out_rows, none, 0);
    NAME(scatter)(w, tile, width, i, n, j, columns);
}

/* Multiply rows [i, i + n) of a by columns that are read where they lie, several pieces at a time.
 * The last vector of a piece ends with it: columns that it reads again are not kept. */
static void NAME(multiply_direct)(const TYPE(Work) *w, const char *a, const Int *rows, Int i, Int n,
                                  Int terms, Int count) {
    const TYPE(View) *v = w->b.views;
    const Int tile_rows = NAME(tile_rows)(n), lanes = w->lanes, size = sizeof(T);
    TYPE(Tile) *const(*kernel)[MAX_VECTORS + 1] = w->kernels->tile[tile_rows];
    const Int most = kernel[1][4] ? 4 : 3, all = (w->run + lanes - 1) / lanes;
    const Int strips = (all + most - 1) / most, width = (all + strips - 1) / strips * lanes;
    const Int pitch = tile_rows * width + lanes; /* of a piece: its first vector may begin before */
    const int plain = tile_rows == n && w->s->scale == 1 && w->out_step == sizeof(T);
    const Int most_pieces = plain || n == 1 ? MAX_PIECES : 1;
    Int some[MAX_MR], out_rows[MAX_MR], from[MAX_PIECES], to[MAX_PIECES];
    T tile[(MAX_MR * MAX_VECTORS + 1) * 64 / sizeof(T)];
    for (Int r = 0; r < MAX_MR; r++) {
        some[r] = rows[MIN(r, n - 1)];
        out_rows[r] = plain ? w->m_out[i + MIN(r, n - 1)] : r * width * size;
    }
    for (Int piece = 0, many; piece < count; piece += many)
        for (Int x = many = 0; x < w->run; x += width) {
            const Int left = MIN(width, w->run - x), vectors = (left + lanes - 1) / lanes;
            const Int last = (left - lanes) * size;
            const char *keep = w->keep + 64 - (vectors * lanes - left) * size;
            if (x == 0)
                for (many = most_pieces; many > count - piece || !kernel[many][vectors];) many /= 2;
            for (Int p = 0; p < many; p++) {
                from[p] = v->own[piece + p] + x * size;
                to[p] = plain ? w->n_out[piece + p] + x * size : p * pitch * size;
            }
            if (w->period && plain && n == 1 && many == MAX_PIECES && w->kernels->slide[vectors]) {
                w->kernels->slide[vectors](terms, llabs(w->period), a + some[0], v->data, from,
                                           w->at, last, keep, w->out + out_rows[0], to, w->add);
                continue;
            }
            kernel[many][vectors](terms, a, some, v->data, from, w->at, last, keep,
                                  plain ? w->out : (char *)(tile + lanes), out_rows, to,
                                  plain && w->add);
            for (Int p = 0; p < many && !plain; p++) {
                const T *sums = tile + lanes + p * pitch;
                char *out = w->out + w->n_out[piece + p] + x * w->out_step;
                if (!w->spacing)
                    NAME(scatter)(w, sums, width, i, n, (piece + p) * w->run + x, left);
                else
                    for (Int r = 0; r < n; r++)
                        NAME(add_spaced)(w, left, sums + r * width, out + w->m_out[i + r]);
            }
        }
}

/* Return whether rows of a can be read where they stand: what is read together lies together. */
static int NAME(rows_lie_together)(const TYPE(Work) *w, Int m, Int k) {
    const TYPE(View) *v = w->a.views;
    Int terms = MIN(k, 8), rows = MIN(m, w->mr);
    if (!w->a.plain || v->f->checks) return 0;
    return v->k[terms - 1] - v->k[0] == (terms - 1) * (Int)sizeof(T) ||
           llabs((long long)(v->own[rows - 1] - v->own[0])) <= 512;
}

/* Return whether columns of b are read where they lie for any number of rows: the sum has few
 * terms, and each tile of rows finds them in the cache or uses what it reads for several terms. */
static int NAME(is_shallow)(const TYPE(Work) *w, Int n, Int k) {
    enum { CACHE = 1 << 20, SHARED = 4 };
    const Sum *s = w->s;
    Int reach = sizeof(T);
    if (w->out_step != sizeof(T) || volume(s, &s->k) > SHALLOW_K) return 0;
    if (w->b.staged) return 1;
    for (int i = 0; i < s->loops; i++)
        if (in_group(&s->n, i) || in_group(&s->k, i))
            reach += (s->box.count[i] - 1) * (Int)llabs(s->b_factors->step[i]);
    return reach <= CACHE || n * k * (Int)sizeof(T) / SHARED >= reach;
}

/* How a block is worked on. */
typedef struct {
    Int m, n, k, kc, nc, nr, padded; /* padded: m in whole tiles */
    Int vectors;                     /* of a strip */
    int b_direct, a_direct;          /* read where they lie */
    int reason;                      /* why b is, or why it is packed */
    int a_ready;                     /* all of a is packed before */
    Int panel_rows[MAX_MR];
} TYPE(Blocking);

/* Decide whether columns of b are read where they lie; return the reason for it, or against it. */
static int NAME(choose_b_direct)(const TYPE(Work) *w, TYPE(Blocking) *g) {
    const Factor *f = w->b.views->f;
    g->b_direct = 0;
    if (!w->b.plain || f->checks) return REASON_NOT_PLAIN;
    if (w->sums || w->inner < 0 || w->run < w->lanes || f->step[w->inner] != sizeof(T))
        return REASON_NOT_CONTIGUOUS;
    if (rot180_algorithm == ALGORITHM_PACKED) return REASON_REQUESTED;
    g->b_direct = 1;
    if (g->m <= 2 * w->mr) return REASON_FEW_ROWS;
    if (NAME(is_shallow)(w, g->n, g->k)) return REASON_FEW_TERMS;
    g->b_direct = rot180_algorithm == ALGORITHM_DIRECT;
    return REASON_MANY_ROWS;
}

static void NAME(choose_blocking)(const TYPE(Work) *w, Int m, Int n, Int k, TYPE(Blocking) *g) {
    enum { A_PANEL = 1 << 23, STRIPS = 30 };
    const TYPE(View) *av = w->a.views;
    Int deepest = 1536 / (Int)sizeof(T), blocks = (k + deepest - 1) / deepest, strips, many, groups;
    g->m = m, g->n = n, g->k = k;
    g->vectors = m * 2 <= w->mr ? MAX_VECTORS : 3;
    g->nr = g->vectors * w->lanes;
    g->kc = (k + blocks - 1) / blocks;
    g->padded = (m + w->mr - 1) / w->mr * w->mr;
    strips = (n + g->nr - 1) / g->nr, many = STRIPS / g->vectors;
    groups = (strips + many - 1) / many;
    g->nc = (strips + groups - 1) / groups * g->nr;
    g->reason = NAME(choose_b_direct)(w, g);
    if (g->b_direct) g->nc = n;
    g->a_direct = w->a.plain && !av->f->checks && (n <= g->nr || NAME(rows_lie_together)(w, m, k));
    if (rot180_algorithm == ALGORITHM_PACKED) g->a_direct = 0;
    g->a_ready = !g->a_direct && n > g->nc && g->padded * k * (Int)sizeof(T) <= A_PANEL;
    for (Int r = 0; r < w->mr; r++) g->panel_rows[r] = r * (Int)sizeof(T);
}

/* Multiply terms [t, t + terms), columns [j, j + width), for all rows. */
static void NAME(multiply_rows)(TYPE(Work) *w, const TYPE(Blocking) *g, Int t, Int terms, Int j,
                                Int width) {
    const TYPE(View) *av = w->a.views;
    for (Int i = 0; i < g->m; i += w->mr) {
        Int n = MIN(w->mr, g->m - i);
        if (ends(w->s->watch, n * terms * width)) return;
        const char *a = g->a_direct ? av->data : (const char *)w->a_panel;
        const Int *rows = g->a_direct ? av->own + i : g->panel_rows;
        if (g->a_ready) a = (const char *)(w->a_panel + t * g->padded + i * terms);
        else if (!g->a_direct) NAME(pack_a)(w, i, n, t, terms, w->a_panel);
        if (g->b_direct) {
            NAME(multiply_direct)(w, a, rows, i, n, terms, g->n / w->run);
            continue;
        }
        for (Int x = 0; x < width; x += g->nr) {
            Int columns = MIN(g->nr, width - x);
            Int vectors = NAME(vectors)(w->lanes, columns, g->vectors);
            const char *b = (const char *)(w->b_panel + x * terms);
            NAME(multiply_packed)(w, a, rows, i, n, b, terms, vectors, j + x, columns);
        }
    }
}

/* Multiply one block, tile by tile. */
static void NAME(gemm_block)(TYPE(Work) *w, Int m, Int n, Int k) {
    const TYPE(View) *bv = w->b.views, *av = w->a.views;
    TYPE(Blocking) g;
    NAME(choose_blocking)(w, m, n, k, &g);
    if (asked.answers) {
        const int algorithm = g.b_direct ? ALGORITHM_DIRECT : ALGORITHM_PACKED;
        NAME(answer_block)(w, algorithm, g.reason, w->mr, g.vectors, m, n, k);
        return;
    }
    for (Int t = 0; t < k && g.a_ready; t += g.kc)
        for (Int i = 0; i < m; i += w->mr) {
            Int terms = MIN(g.kc, k - t);
            NAME(pack_a)(w, i, MIN(w->mr, m - i), t, terms, w->a_panel + t * g.padded + i * terms);
        }
    for (Int j = 0; j < n; j += g.nc) {
        Int width = MIN(g.nc, n - j);
        for (Int t = 0; t < k && !ended(w->s->watch); t += g.kc) {
            Int terms = MIN(g.kc, k - t);
            w->add = !w->fresh || t > 0;
            for (Int p = 0; p < terms; p++) {
                Int to = w->period < 0 ? terms - 1 - p : p;
                w->at[to].a = g.a_direct ? av->k[t + p] : p * w->mr * (Int)sizeof(T);
                w->at[to].b = g.b_direct ? bv->k[t + p] : p * g.nr * (Int)sizeof(T);
            }
            for (Int x = 0; x < width && !g.b_direct; x += g.nr) {
                Int columns = MIN(g.nr, width - x);
                NAME(pack_b)(w, j + x, columns, t, terms, g.nr, w->b_panel + x * terms);
            }
            NAME(multiply_rows)(w, &g, t, terms, j, width);
        }
    }
}

#endif /* ROT180_GEMM_H */
