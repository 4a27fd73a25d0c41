/* How the tiles of a layer are divided. Tiles that are adjacent in a row are a *run*: vectors run
 * along it. A *block* is as many runs as one thread transforms and multiplies at a time. A *panel*
 * is PANEL output channels. */
#ifndef ROT180_WINOGRAD_LAYOUT_H
#define ROT180_WINOGRAD_LAYOUT_H

#include "algorithm.h"
#include "winograd.h"
#include "winograd_form.h"

enum { TAPS = 3, PANEL = 16, MAX_VECTOR = 16 }; /* MAX_VECTOR: entries of the longest vector */
enum { MAX_RUN = 60, MIN_BLOCK = 48, MAX_BLOCK = 192 }; /* tiles */

typedef struct {
    Int tile, points;       /* outputs of a tile, and products, along an axis */
    Int rows, columns;      /* of tiles in an image */
    Int runs_in_row, runs;  /* in a row of tiles; in all */
    Int run, runs_in_block; /* tiles in the longest run */
    Int width;              /* tiles in a block, with room for one vector more */
    Int blocks, panels;
    Int filter_step, input_step, product_step; /* entries from one point to the next: U, V, M */
} WinogradLayout;

static Int round_up(Int n, Int unit) { return (n + unit - 1) / unit * unit; }

/* The entries of a matrix, and some more: the same entry at different points must not fall into the
 * same set of the cache. */
static Int winograd_step(Int entries) { return round_up(entries, 1024) + MAX_VECTOR; }

/* Divide the runs into blocks: one for each thread, but no narrower than MIN_BLOCK. */
static void winograd_blocks(WinogradLayout *l, Int threads, Int max_width) {
    const Int share = MAX((l->runs + threads - 1) / threads, (MIN_BLOCK + l->run - 1) / l->run);
    double best = 0;
    for (Int runs = 1; runs <= MIN(l->runs, share) && runs * l->run <= max_width; runs++) {
        const Int blocks = (l->runs + runs - 1) / runs;
        const double cost = (double)(round_up(runs * l->run, MAX_VECTOR) + 24) * (double)blocks;
        if (runs == 1 || cost < best) best = cost, l->blocks = blocks;
    }
    l->runs_in_block = (l->runs + l->blocks - 1) / l->blocks;
}

static WinogradLayout winograd_layout(const WinogradLayer *s) {
    WinogradLayout l = {0};
    Int most;
    l.tile = winograd_forms[s->form].tile, l.points = l.tile + TAPS - 1;
    l.rows = (s->out_size[0] + l.tile - 1) / l.tile;
    l.columns = (s->out_size[1] + l.tile - 1) / l.tile;
    l.panels = (s->outputs + PANEL - 1) / PANEL;
    most = ((Int)1 << 24) / (l.points * l.points * (s->channels + PANEL) * s->itemsize);
    most -= 2 * MAX_VECTOR;
    l.run = MAX(1, MIN(most, MAX_RUN));
    l.runs_in_row = (l.columns + l.run - 1) / l.run;
    l.run = (l.columns + l.runs_in_row - 1) / l.runs_in_row;
    l.runs = s->batch * l.rows * l.runs_in_row;
    winograd_blocks(&l, s->threads, MAX(l.run, MIN(most, MAX_BLOCK)));
    l.width = round_up(l.runs_in_block * l.run, MAX_VECTOR) + MAX_VECTOR;
    if (l.width % 128 == 0) l.width += MAX_VECTOR;
    l.filter_step = winograd_step(l.panels * PANEL * s->channels);
    l.input_step = winograd_step(l.width * s->channels);
    l.product_step = winograd_step(l.width * PANEL);
    return l;
}

typedef struct {
    Int batch, row, column, tiles; /* row and column of the first output */
} WinogradRun;

static WinogradRun winograd_run(const WinogradLayout *l, Int number) {
    const Int place = number % l->runs_in_row, row = number / l->runs_in_row;
    const WinogradRun run = {row / l->rows, row % l->rows * l->tile, place * l->run * l->tile,
                             MIN(l->run, l->columns - place * l->run)};
    return run;
}

#endif /* ROT180_WINOGRAD_LAYOUT_H */
