/* The transforms of filters, inputs and outputs, and a block of tiles from input to output. No
 * guard: winograd_vector.h includes it for each size of tiles. */

#include "winograd_interleave.h"
#include "winograd_multiply.h"
#include "winograd_transforms.h"

/* Copy a block of the taps of a panel's filters in one channel: taps[tap][output]. */
TARGET INLINE void TILED(winograd_taps)(const WinogradLayer *s, const char *from, Int count,
                                        Int row, Int column, T (*taps)[PANEL]) {
    const Int across = s->nested ? TAPS : 1;
    memset(taps, 0, TAPS * TAPS * sizeof(*taps));
    for (Int i = 0; i < TAPS; i++)
        for (Int j = 0; j < TAPS; j++) {
            const Int k = s->nested ? 0 : row + i, l = column + (s->nested ? i : 0) + across * j;
            const char *tap = from + k * s->w_stride[3] + l * s->w_stride[4];
            if (k >= s->taps[0] || l >= s->taps[1]) continue;
            for (Int o = 0; o < count; o++)
                taps[TAPS * i + j][o] = *(const T *)(tap + o * s->w_stride[1]);
        }
}

/* Transform a panel of filters: U[point][block of taps][channel][output]. */
TARGET static void TILED(winograd_filters)(const WinogradLayer *s, const WinogradLayout *l,
                                           Int group, Int panel, char *to) {
    enum { L = sizeof(V) / sizeof(T) };
    const Int count = MIN(PANEL, s->outputs - panel * PANEL), unit = s->nested ? TAPS * TAPS : TAPS;
    const char *w = s->w + group * s->w_stride[0] + panel * PANEL * s->w_stride[1];
    T *u = (T *)to;
    for (Int n = 0; n < l->pieces * s->channels; n++, u += PANEL) {
        const Int piece = n / s->channels;
        const char *from = w + n % s->channels * s->w_stride[2];
        T taps[TAPS * TAPS][PANEL];
        TILED(winograd_taps)
        (s, from, count, piece / l->across * TAPS, piece % l->across * unit, taps);
        for (Int o = 0; o < PANEL; o += L) {
            V x[TAPS], y[POINTS], half[POINTS][TAPS];
            for (int k = 0; k < TAPS; k++) {
                for (int i = 0; i < TAPS; i++) x[i] = *(const V *)(taps[TAPS * i + k] + o);
                TILED(filter)(x, y);
                for (int i = 0; i < POINTS; i++) half[i][k] = y[i];
            }
            for (int i = 0; i < POINTS; i++) {
                TILED(filter)(half[i], y);
                for (int j = 0; j < POINTS; j++)
                    *(V *)(u + (POINTS * i + j) * l->filter_step + o) = y[j];
            }
        }
    }
}

/* Copy a row of the input from column `left` on, with zeros outside its box, to one row for each
 * place in a tile. With `nested`, the row is every TILE-th entry of a line, from entry `row` on. */
TARGET INLINE void TILED(winograd_input_row)(const WinogradLayer *s, const char *x, Int row,
                                             Int left, Int tiles, T *to, Int step) {
    T line[TILE * (MAX_LINE + 1 + MAX_VECTOR)];
    const Int entries = TILE * tiles, by = s->nested ? TILE : 1;
    const Int at = s->nested ? TILE * left + row : left, rest = s->size[1] - at;
    const Int begin = at < 0 ? (by - 1 - at) / by : 0, end = MIN(entries, (rest + by - 1) / by);
    const T *from = (const T *)(s->nested ? x : x + row * s->x_stride[3]) + at;
    if ((!s->nested && (row < 0 || row >= s->size[0])) || rest <= 0 || begin >= end) {
        for (int k = 0; k < TILE; k++) memset(to + k * step, 0, (size_t)tiles * sizeof(T));
        return;
    }
    for (Int j = 0; j < begin; j++) line[j] = 0;
    if (by == 1) memcpy(line + begin, from + begin, (size_t)(end - begin) * sizeof(T));
    else
        for (Int j = begin; j < end; j++) line[j] = from[TILE * j];
    for (Int j = end; j < entries; j++) line[j] = 0;
    FN(JOIN(deinterleave, TILE))(line, tiles, to, step);
}

/* Transform the input of a line of tiles in one channel: V[point][tile]. */
TARGET static void TILED(winograd_input)(const WinogradLayer *s, const WinogradLayout *l,
                                         const char *x, Int row, Int left, Int tiles, T *v) {
    enum { L = sizeof(V) / sizeof(T), STEP = MAX_LINE + 1 + MAX_VECTOR };
    T in[POINTS][TILE][STEP], half[POINTS][TILE][STEP];
    for (int i = 0; i < POINTS; i++)
        TILED(winograd_input_row)(s, x, row + i, left, tiles + 1, in[i][0], STEP);
    for (int k = 0; k < TILE; k++)
        for (Int j = 0; j < tiles + 1; j += L) {
            V a[POINTS], b[POINTS];
            for (int i = 0; i < POINTS; i++) a[i] = *(const V *)(in[i][k] + j);
            TILED(input)(a, b);
            for (int i = 0; i < POINTS; i++) *(V *)(half[i][k] + j) = b[i];
        }
    for (int i = 0; i < POINTS; i++)
        for (Int j = 0; j < tiles; j += L) {
            V a[POINTS], b[POINTS];
            for (int k = 0; k < POINTS; k++) /* the last points are those of the next tile */
                a[k] = *(const V *)(half[i][k % TILE] + j + k / TILE);
            TILED(input)(a, b);
            for (int k = 0; k < POINTS; k++)
                *(V *)(v + (POINTS * i + k) * l->input_step + j) = b[k];
        }
}

/* Transform the products of a run of tiles to the rows of one output channel. Return whether they
 * are finite. */
TARGET static int TILED(winograd_output)(const WinogradLayer *s, const WinogradLayout *l,
                                         const T *m, const WinogradRun *run, T add, T *out) {
    enum { L = sizeof(V) / sizeof(T), STEP = MAX_LINE + MAX_VECTOR };
    T half[TILE][POINTS][STEP], done[TILE][TILE][STEP], line[TILE * STEP];
    const Int rows = s->nested ? TILE : MIN(TILE, s->out_size[0] - run->row);
    const Int by = s->nested ? TILE : 1;
    const V none = {0};
    V sum = none;
    for (int k = 0; k < POINTS; k++)
        for (Int j = 0; j < run->tiles; j += L) {
            V a[POINTS], b[TILE];
            for (int i = 0; i < POINTS; i++)
                a[i] = *(const V *)(m + (POINTS * i + k) * l->product_step + j);
            TILED(output)(a, b);
            for (int i = 0; i < TILE; i++) *(V *)(half[i][k] + j) = b[i];
        }
    for (int i = 0; i < TILE; i++)
        for (Int j = 0; j < run->tiles; j += L) {
            V a[POINTS], b[TILE];
            for (int k = 0; k < POINTS; k++) a[k] = *(const V *)(half[i][k] + j);
            TILED(output)(a, b);
            for (int k = 0; k < TILE; k++) *(V *)(done[i][k] + j) = b[k];
        }
    for (Int i = 0; i < rows; i++) {
        const Int at = s->nested ? i : 0, left = s->out_size[1] - at - by * run->column;
        const Int columns = MIN(TILE * run->tiles, MAX(0, left + by - 1) / by);
        T *to = out + (s->nested ? 0 : run->row + i) * s->out_size[1] + at + by * run->column;
        FN(JOIN(interleave, TILE))(done[i][0], STEP, run->tiles, add, line);
        sum = FN(add_differences)(line, columns, sum);
        if (by == 1) memcpy(to, line, (size_t)columns * sizeof(T));
        else
            for (Int j = 0; j < columns; j++) to[TILE * j] = line[j];
    }
    return !memcmp(&sum, &none, sizeof(V));
}

/* Multiply a panel of filters by the lines of the runs from `first` to before `stop`, and transform
 * the products to outputs. Return whether they are finite. */
TARGET static int TILED(winograd_panel)(const WinogradLayer *s, const WinogradLayout *l, Int group,
                                        Int panel, Int first, Int stop, Int lines, const T *u,
                                        const T *v, T *m) {
    const Int outputs = MIN(PANEL, s->outputs - panel * PANEL);
    const Int tiles = (lines - (l->down - 1)) * l->line - (l->across - 1);
    int finite = 1;
    for (int t = 0; t < POINTS * POINTS; t++) {
        const T *filter = u + t * l->filter_step, *input = v + t * l->input_step;
        FN(winograd_multiply)(s, l, tiles, outputs, filter, input, m + t * l->product_step);
    }
    for (Int o = 0; o < outputs; o++) {
        const Int channel = group * s->outputs + panel * PANEL + o;
        const T add = s->bias ? ((const T *)s->bias)[channel] : 0;
        const T *products = m + o * l->width;
        for (Int n = first; n < stop; n++) {
            const WinogradRun run = winograd_run(l, n);
            const Int image = run.batch * s->groups * s->outputs + channel;
            T *out = (T *)s->out + image * s->out_size[0] * s->out_size[1];
            finite = TILED(winograd_output)(s, l, products, &run, add, out) && finite;
            products += run.lines * l->line;
        }
    }
    return finite;
}

/* Compute a part of the outputs, or less where the call ends. Return DONE, NO_MEMORY or
 * NOT_FINITE. */
TARGET static int TILED(winograd_block)(const WinogradLayer *s, const WinogradLayout *l,
                                        const WinogradPart *part, const char *filters,
                                        Watch *watch) {
    const Int first = part->block * l->runs_in_block, stop = MIN(l->runs, first + l->runs_in_block);
    const Int entries = POINTS * POINTS * (l->input_step + l->product_step);
    T *v = take((size_t)entries * sizeof(T)), *m = v + POINTS * POINTS * l->input_step;
    Int lines = 0;
    int finite = 1;
    if (!v) return NO_MEMORY;
    for (Int c = 0; c < s->channels; c++) {
        lines = 0;
        for (Int n = first; n < stop; n++) {
            const WinogradRun run = winograd_run(l, n);
            const char *x = s->x + run.batch * s->x_stride[0] + part->group * s->x_stride[1] +
                            c * s->x_stride[2];
            const Int more = n == stop - 1 ? l->down : run.lines;
            for (Int i = 0; i < more; i++, lines++) TILED(winograd_input)
            (s, l, x, run.row + i * TILE - s->low[0], run.column - s->low[1], l->line,
             v + c * l->width + lines * l->line);
        }
    }
    const Int products = POINTS * POINTS * PANEL * lines * l->line * s->channels * l->pieces;
    for (Int n = 0; n < part->panels && finite && !ends(watch, products); n++) {
        const T *u = (const T *)filters + n * l->panel_step;
        finite =
            TILED(winograd_panel)(s, l, part->group, part->panel + n, first, stop, lines, u, v, m);
    }
    give(v);
    return finite ? DONE : NOT_FINITE;
}
