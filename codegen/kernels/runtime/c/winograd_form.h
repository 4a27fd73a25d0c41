/* Which form of Winograd's algorithm is fastest for a layer. The costs are those of
 * winograd_cost.py, whose function of the same name decides alike. */
#ifndef ROT180_WINOGRAD_FORM_H
#define ROT180_WINOGRAD_FORM_H

#include "algorithm.h"
#include "winograd.h"
#include "winograd_constants.h"

static Int round_up(Int n, Int unit) { return (n + unit - 1) / unit * unit; }

/* The number of tiles along an axis with `size` outputs, at least 1. With `nested`, the axis is a
 * line that is treated as an image. */
static Int winograd_tiles(const WinogradForm *form, Int size, int nested) {
    return (size - 1) / (nested ? form->tile * form->tile : form->tile) + 1;
}

/* The number of blocks along an axis with `taps` taps, at least 1. */
static Int winograd_pieces(const WinogradForm *form, Int taps, int nested) {
    return (taps - 1) / (nested ? form->taps * form->taps : form->taps) + 1;
}

/* The panels of outputs whose transformed filters are in memory at a time. */
static Int winograd_panels(const WinogradForm *form, Int channels, Int pieces) {
    const Int points = form->tile + form->taps - 1;
    return WINOGRAD_FILTERS / (points * points * PANEL * pieces) / channels;
}

/* The cost of a layer by a form, or -1 where the form cannot compute it. */
static double winograd_cost(const WinogradForm *form, const WinogradLayer *s) {
    const Int down = winograd_pieces(form, s->taps[0], 0);
    const Int across = winograd_pieces(form, s->taps[1], s->nested);
    const int shared = form->tile == form->taps;
    double rows, columns, sides, tile;
    Int panels;
    if (MAX(down, across) > WINOGRAD_MAX_PIECES) return -1;
    if (!shared && (s->nested || down * across > 1)) return -1;
    if (MAX(s->taps[0], s->taps[1]) < form->taps) return -1; /* most of a block would be zeros */
    panels = winograd_panels(form, s->channels, down * across);
    if (panels < 1) return -1;
    rows = (double)(winograd_tiles(form, s->out_size[0], 0) + down - 1);
    columns = (double)(winograd_tiles(form, s->out_size[1], s->nested) + across - 1);
    sides = (double)((s->outputs - 1) / (panels * PANEL) + 1) / (double)s->outputs;
    tile = form->products * (double)(down * across);
    tile += form->transforms * (1. / (double)s->channels + sides);
    return (double)s->batch * (rows * columns) * tile + form->filters * (double)(down * across);
}

/* Return the number of the fastest form, or -1 where the definition is as fast. */
static int winograd_form(const WinogradLayer *s) {
    const double outputs = (double)s->out_size[0] * (double)s->out_size[1];
    const double taps = (double)s->taps[0] * (double)s->taps[1];
    double best = WINOGRAD_WORTH * (double)s->batch * (outputs * taps);
    int found = -1;
    if (MIN(s->channels, s->outputs) < WINOGRAD_MIN_CHANNELS) return -1;
    if (MIN(MIN(s->batch, s->out_size[0]), s->out_size[1]) < 1) return -1;
    if (MIN(s->taps[0], s->taps[1]) < 1) return -1;
    for (int n = 0; n < WINOGRAD_FORMS; n++) {
        const double cost = winograd_cost(&winograd_forms[n], s);
        if (cost >= 0 && cost < best) found = n, best = cost;
    }
    return found;
}

#endif /* ROT180_WINOGRAD_FORM_H */
