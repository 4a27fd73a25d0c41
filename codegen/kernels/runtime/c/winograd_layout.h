/* How the tiles of a layer are divided. A *strip* is a column of the image, of as many tiles as
 * vectors run along at a time; a *run* is a row of tiles in a strip. Runs are numbered downwards. A
 * *line* is the transformed inputs of a run and of the tiles to its right that its filter reaches.
 * A *block* is as many runs as one thread transforms and multiplies at a time: its lines are
 * adjacent, with those below the last run of each strip. A *panel* is PANEL output channels; a
 * *pass* is as many panels of a group as there is memory for their filters; several threads share a
 * pass of as many groups, if there is memory for these. */
#ifndef ROT180_WINOGRAD_LAYOUT_H
#define ROT180_WINOGRAD_LAYOUT_H

#include "algorithm.h"
#include "winograd.h"
#include "winograd_form.h"

enum { MAX_VECTOR = 16 };                                /* entries of the longest vector */
enum { MAX_LINE = 60, MIN_BLOCK = 48, MAX_BLOCK = 192 }; /* tiles */

typedef struct {
    Int tile, points;         /* outputs of a tile, and products, along an axis */
    Int down, across, pieces; /* blocks of taps along each axis; in all */
    Int rows, columns;        /* of tiles in an image */
    Int strips, runs;         /* of an image; in all */
    Int run, line;            /* tiles in the longest run, and in a line */
    Int runs_in_block, blocks;
    Int width;  /* tiles in the lines of a block, with room for one vector more */
    Int panels; /* of a group */
    Int panels_in_pass, groups_in_pass;
    Int panel_step;                            /* entries from one panel to the next in U */
    Int filter_step, input_step, product_step; /* entries from one point to the next: U, V, M */
} WinogradLayout;

/* The entries of a matrix, and some more: the same entry at different points must not fall into the
 * same set of the cache. */
static Int winograd_step(Int entries) { return round_up(entries, 1024) + MAX_VECTOR; }

/* An upper bound of the tiles in the lines of a block with `runs` runs. */
static Int winograd_width(const WinogradLayout *l, Int runs) {
    return (runs + (l->down - 1) * ((runs + l->rows - 2) / l->rows + 1)) * l->line;
}

/* Divide the runs into blocks: one for each thread, but no narrower than MIN_BLOCK. */
static void winograd_blocks(WinogradLayout *l, Int threads, Int max_width) {
    const Int share = MAX((l->runs + threads - 1) / threads, (MIN_BLOCK + l->line - 1) / l->line);
    double best = 0;
    for (Int runs = 1; runs <= MIN(l->runs, share); runs++) {
        const Int blocks = (l->runs + runs - 1) / runs, width = winograd_width(l, runs);
        const double cost = (double)(round_up(width, MAX_VECTOR) + 24) * (double)blocks;
        if (runs > 1 && width > max_width) break;
        if (runs == 1 || cost < best) best = cost, l->blocks = blocks;
    }
    l->runs_in_block = (l->runs + l->blocks - 1) / l->blocks;
}

static WinogradLayout winograd_layout(const WinogradLayer *s) {
    const WinogradForm *form = &winograd_forms[s->form];
    WinogradLayout l = {0};
    Int most, room;
    l.tile = form->tile, l.points = l.tile + form->taps - 1;
    l.down = winograd_pieces(form, s->taps[0], 0);
    l.across = winograd_pieces(form, s->taps[1], s->nested);
    l.pieces = l.down * l.across;
    l.rows = winograd_tiles(form, s->out_size[0], 0);
    l.columns = winograd_tiles(form, s->out_size[1], s->nested);
    l.panels = (s->outputs + PANEL - 1) / PANEL;
    room = MAX(1, winograd_panels(form, s->channels, l.pieces));
    l.panels_in_pass = MIN(l.panels, room);
    l.groups_in_pass = MAX(1, MIN(MIN(s->groups, s->threads), room / l.panels));
    l.panel_step = PANEL * s->channels * l.pieces;
    most = ((Int)1 << 24) / (l.points * l.points * (s->channels + PANEL) * s->itemsize);
    most -= 2 * MAX_VECTOR;
    l.run = MAX(1, MIN(most, MAX_LINE) - (l.across - 1));
    l.strips = (l.columns + l.run - 1) / l.run;
    l.run = (l.columns + l.strips - 1) / l.strips;
    l.line = l.run + l.across - 1;
    l.runs = s->batch * l.rows * l.strips;
    winograd_blocks(&l, (s->threads - 1) / l.groups_in_pass + 1, MIN(most, MAX_BLOCK));
    l.width = round_up(winograd_width(&l, l.runs_in_block), MAX_VECTOR) + MAX_VECTOR;
    if (l.width % 128 == 0) l.width += MAX_VECTOR;
    l.filter_step = winograd_step(l.groups_in_pass * l.panels_in_pass * l.panel_step);
    l.input_step = winograd_step(l.width * s->channels);
    l.product_step = winograd_step(l.width * PANEL);
    return l;
}

/* What a thread computes at a time: panels of the outputs of a group, in a block of tiles. */
typedef struct {
    Int group, panel, panels, block;
} WinogradPart;

typedef struct {
    Int batch, row, column, tiles; /* row and column of the first output */
    Int lines;                     /* of input that begin with this run */
} WinogradRun;

static WinogradRun winograd_run(const WinogradLayout *l, Int number) {
    const Int row = number % l->rows, strip = number / l->rows % l->strips;
    const WinogradRun run = {number / l->rows / l->strips, row * l->tile, strip * l->run * l->tile,
                             MIN(l->run, l->columns - strip * l->run),
                             row == l->rows - 1 ? l->down : 1};
    return run;
}

#endif /* ROT180_WINOGRAD_LAYOUT_H */
