/* A product of two sides, block by block: which operand is staged, how the loops are blocked, what
 * memory a call takes, and the loops over blocks. */
#ifndef ROT180_PRODUCT_H
#define ROT180_PRODUCT_H

#include "algorithm.h"
#include "choice.h"
#include "contraction.h"
#include "dot.h"
#include "fold.h"
#include "gemm.h"
#include "index_map.h"
#include "loop_group.h"
#include "operand.h"
#include "pack.h"
#include "phase_split.h"
#include "store.h"
#include "transpose.h"
#include "type.h"
#include "watch.h"
#include "workspace.h"

/* What stays the same over the blocks of a product. */
typedef struct {
    int dot, transposed;
    int same;    /* every place of the batch is the same but for its data */
    int skip;    /* the tables of n leave out its innermost loop */
    Group *unit; /* what vectors run along: n, or k */
    Int sums;    /* bytes of the sums that are kept */
    void (*multiply)(TYPE(Work) *, Int, Int, Int);
} TYPE(Product);

/* How many terms after one a piece reads what the next piece reads at it; 0 if that is never so,
 * less than 0 if the terms have to be reversed. */
static Int NAME(slide_period)(const TYPE(View) *v, Int pieces, Int terms) {
    Int by = pieces > 1 ? v->own[1] - v->own[0] : 0, period = 1, sign = 1;
    while (period < terms && llabs(v->k[period] - v->k[0]) != llabs(by)) period++;
    if (by == 0 || period == terms) return 0;
    if (v->k[period] - v->k[0] != by) sign = -1;
    for (Int p = 1; p < pieces; p++)
        if (v->own[p] - v->own[p - 1] != by) return 0;
    for (Int t = period; t < terms; t++)
        if (v->k[t] - v->k[t - period] != sign * by) return 0;
    return sign * period;
}

/* Tabulate a block of columns, in b and in the output. */
static void NAME(tabulate_n)(TYPE(Work) *w, Int n, int skip, int dot) {
    const Sum *s = w->s;
    NAME(tabulate)(s, &w->b, &s->n, skip, dot, dot);
    linear_table(s, &s->n, skip, s->out.step, w->n_out);
    for (Int p = n / w->run - 1; p >= 0; p--) {
        int on = p + 1 < n / w->run && w->n_out[p + 1] - w->n_out[p] == w->run * (Int)sizeof(T);
        w->out_run[p] = w->run + (on ? w->out_run[p + 1] : 0);
    }
    w->period = 0;
    if (!dot && w->b.plain)
        w->period = NAME(slide_period)(w->b.views, n / w->run, positions(s, &s->k));
}

static void NAME(tabulate_m)(TYPE(Work) *w, int dot) {
    NAME(tabulate)(w->s, &w->a, &w->s->m, 0, dot, 1);
    linear_table(w->s, &w->s->m, 0, w->s->out.step, w->m_out);
}

/* Use this instruction set, or a lesser one with shorter vectors where runs are short. */
static void NAME(set_isa)(TYPE(Work) *w, int isa, Int run) {
    for (;; isa--) {
        w->isa = isa;
        w->mr = has_many_registers(isa) ? 8 : 4;
#ifdef ROT180_VECTORS
        w->lanes = vector_bytes(isa) / (int)sizeof(T);
#else
        w->lanes = 1;
#endif
        if (vector_bytes(isa) == vector_bytes(BASELINE) || run >= w->lanes) break;
    }
    w->kernels = NAME(kernels)[isa];
}

/* Decide which operands are plain, and which are staged. */
static void NAME(begin_operands)(TYPE(Work) *w, const TYPE(Product) *p, Sum *s) {
    w->s = s;
    memset(w->keep + 64, 255, 64);
    w->b.count = s->b_count, w->b.factors = s->b_factors;
    w->a.count = s->a_count, w->a.factors = s->a_factors;
    w->b.plain = s->b_count == 1 && s->b_factors->data;
    w->a.plain = s->a_count == 1 && s->a_factors->data;
    w->b.staged = w->b.plain && needs_split(s->b_factors, p->unit, sizeof(T));
    w->a.staged = w->a.plain && needs_split(s->a_factors, &s->k, sizeof(T)) &&
                  (p->dot || s->a_factors->checks);
    for (int i = 0; i < s->loops; i++) s->box.from[i] = 0, s->box.count[i] = s->extent[i];
    block(s, &s->batch, 1);
    start(s, &s->batch);
}

/* Join and block the loops; a staged operand's blocks fit its copy. */
static void NAME(block_loops)(TYPE(Work) *w, const TYPE(Product) *p, Sum *s) {
    enum { SOME = 1 << 16 };
    for (int n = 0; n < w->b.count && !w->b.staged; n++) flatten(&w->b.factors[n], s->loops);
    for (int n = 0; n < w->a.count && !w->a.staged; n++) flatten(&w->a.factors[n], s->loops);
    join(s, &s->n), join(s, &s->m), join(s, &s->k);
    block(s, &s->m, SOME), block(s, &s->n, SOME), block(s, &s->k, SOME);
    start(s, &s->m), start(s, &s->n), start(s, &s->k);
    if (w->b.staged && !p->dot) block_split(s, &s->n, s->b_factors, &s->k, sizeof(T));
    if (w->a.staged && s->transposed) block_split(s, &s->m, s->a_factors, &s->k, sizeof(T));
    else if (w->a.staged) block_split(s, &s->k, s->a_factors, &s->m, sizeof(T));
    else if (p->dot && w->b.staged) block_split(s, &s->k, s->b_factors, &s->n, sizeof(T));
}

/* Return whether an operand lies too far apart for a copy; it is then read entry by entry. */
static int NAME(leave_unstaged)(TYPE(Work) *w, const TYPE(Product) *p, Sum *s) {
    PhaseSplit copy;
    int found = 0;
    if (p->dot) return 0;
    if (w->b.staged && !plan_split(s, s->b_factors, p->unit, sizeof(T), &copy))
        w->b.staged = 0, w->b.plain = !s->b_factors->checks, found = 1;
    if (w->a.staged && !plan_split(s, s->a_factors, &s->k, sizeof(T), &copy))
        w->a.staged = 0, found = 1;
    return found;
}

/* Choose the instruction set, and how columns of n and the output are visited. */
static void NAME(choose_layout)(TYPE(Work) *w, TYPE(Product) *p, Sum *s, int isa) {
    Int spacing;
    if (!w->a.staged && w->a.plain) w->a.plain = !s->a_factors->checks;
    p->transposed = s->transposed && w->a.plain && w->b.plain && whole(s, &s->k) && whole(s, &s->n);
    p->skip = !p->dot && s->n.count > s->n.first;
    w->inner = p->skip ? last_loop(&s->n) : -1;
    w->run = p->skip ? s->box.count[w->inner] : 1;
    w->out_step = p->skip ? s->out.step[w->inner] : 0;
    spacing = p->skip ? s->spacing[w->inner] : 0;
    w->spacing = spacing >= 2 && spacing <= MAX_SPACING ? spacing : 0;
    if (p->dot) NAME(set_isa)(w, isa, s->box.count[last_loop(&s->k)]);
    else NAME(set_isa)(w, isa, s->m.size <= 4 ? w->run : 64);
    p->same = whole(s, &s->n) && whole(s, &s->m) && whole(s, &s->k) &&
              NAME(only_data_moves)(s, &w->b) && NAME(only_data_moves)(s, &w->a);
    p->multiply = p->dot ? NAME(dot_block) : NAME(gemm_block);
#ifdef ROT180_VECTORS
    if (p->transposed) p->multiply = NAME(transposed_block);
#endif
}

/* Take the memory for tables, panels and sums in one block; return it, or NULL. */
static void *NAME(take_memory)(TYPE(Work) *w, TYPE(Product) *p, const Sum *s) {
    enum { A_PANEL = 1 << 23, SUMS = 12 << 20 };
    const Int k = s->k.size, m = s->m.size, size = sizeof(T), pieces = s->n.size / w->run;
    const Int kc = MIN(k, p->transposed ? TRANSPOSED_KC : 1536 / size);
    const Int terms = MAX(kc, p->dot ? k / s->box.count[last_loop(&s->k)] : k);
    const Int widest = p->transposed ? (s->n.size / w->lanes + 3) * w->lanes : 33 * w->lanes;
    const Int b_panel = (widest * (p->transposed ? k : kc) + 512) * size;
    Int a_panel = (m + MAX_MR) * k * size;
    Arena arena;
    void *memory;
    if (a_panel > A_PANEL) a_panel = MAX_MR * kc * size;
    if (p->transposed || p->dot) a_panel = 0;
    w->pitch = s->n.size + MAX_VECTORS * w->lanes;
    p->sums = (m + MAX_MR) * w->pitch * size;
    if (p->dot || p->transposed || w->out_step == size || volume(s, &s->k) <= kc ||
        p->sums > SUMS || !whole(s, &s->m) || m <= 2 * w->mr)
        p->sums = 0;
    memory = take((size_t)(NAME(tables_size)(&w->b, pieces, k) + NAME(tables_size)(&w->a, m, k) +
                           (2 * pieces + m + 2 * terms) * (Int)sizeof(Int) + b_panel + a_panel +
                           p->sums + 8192));
    if (!memory) return NULL;
    arena.next = memory;
    NAME(take_tables)(&w->b, &arena, pieces, k);
    NAME(take_tables)(&w->a, &arena, m, k);
    w->n_out = arena_take(&arena, pieces * (Int)sizeof(Int));
    w->m_out = arena_take(&arena, m * (Int)sizeof(Int));
    w->out_run = arena_take(&arena, pieces * (Int)sizeof(Int));
    w->at = arena_take(&arena, terms * (Int)sizeof(Offsets));
    w->b_panel = arena_take(&arena, b_panel);
    w->a_panel = arena_take(&arena, a_panel);
    w->sums = p->sums ? arena_take(&arena, p->sums) : NULL;
    return memory;
}

/* Multiply all blocks of m, for one block of n and k. */
static int NAME(multiply_blocks)(TYPE(Work) *w, const TYPE(Product) *p, Sum *s, Int n, int again) {
    do {
        int failed = NAME(stage)(s, &w->a, &s->k, w->kernels, again);
        if (failed) return failed;
        if (!again) NAME(tabulate_m)(w, p->dot);
        w->out = (char *)s->out.data;
        for (int a = 0; a < s->out.axes; a++) w->out += s->out.constant[a] * s->out.stride[a];
        for (int i = 0; i < s->loops; i++) w->out += s->out.step[i] * s->box.from[i];
        p->multiply(w, positions(s, &s->m), n, positions(s, &s->k));
        if (asked.answers) return ANSWERED;
        if (ended(s->watch)) return ENDED;
    } while (advance(s, &s->m));
    return DONE;
}

/* Multiply all blocks of m and k, for one block of n. */
static int NAME(multiply_columns)(TYPE(Work) *w, const TYPE(Product) *p, Sum *s, int again) {
    Int n = positions(s, &s->n);
    if (w->sums) memset(w->sums, 0, (size_t)p->sums);
    w->run = p->skip ? s->box.count[w->inner] : 1;
    w->fresh = s->fresh;
    do {
        int failed = NAME(stage)(s, &w->b, p->unit, w->kernels, again);
        if (failed) return failed;
        if (!again) NAME(tabulate_n)(w, n, p->skip, p->dot);
        failed = NAME(multiply_blocks)(w, p, s, n, again);
        if (failed) return failed;
        w->fresh = 0;
    } while (advance(s, &s->k));
    w->add = !s->fresh;
    if (w->sums && w->spacing) NAME(scatter)(w, w->sums, w->pitch, 0, positions(s, &s->m), 0, n);
    else if (w->sums) NAME(store_sums)(w, positions(s, &s->m), n);
    return DONE;
}

/* Compute a product of two sides, of which `fold` is one, or NULL. */
static int NAME(product)(Sum *s, int isa, int dot, TYPE(Fold) *fold) {
    TYPE(Work) w = {0};
    TYPE(View) views[2][32];
    TYPE(Product) p;
    const char *a_data, *b_data;
    void *memory;
    int failed = DONE, again = 0;
    p.dot =
        dot && runs_along_k(s, s->b_factors, sizeof(T)) && runs_along_k(s, s->a_factors, sizeof(T));
    p.unit = p.dot ? &s->k : &s->n;
    w.b.views = views[0], w.a.views = views[1];
    NAME(begin_operands)(&w, &p, s);
    do NAME(block_loops)(&w, &p, s);
    while (NAME(leave_unstaged)(&w, &p, s));
    NAME(choose_layout)(&w, &p, s, isa);
    b_data = s->b_factors->data, a_data = s->a_factors->data;
    memory = NAME(take_memory)(&w, &p, s);
    if (!memory) return NO_MEMORY;
    do {
        w.packed = 0;
        if (fold && !asked.answers) NAME(fold)(s, fold);
        if (again) NAME(move_data)(s, &w.b, b_data), NAME(move_data)(s, &w.a, a_data);
        do failed = NAME(multiply_columns)(&w, &p, s, again);
        while (!failed && advance(s, &s->n));
        again = p.same;
    } while (!failed && advance(s, &s->batch));
    if (w.b.memory) give(w.b.memory);
    if (w.a.memory) give(w.a.memory);
    give(memory);
    return failed;
}

#endif /* ROT180_PRODUCT_H */
