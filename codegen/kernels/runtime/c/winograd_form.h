/* Which form of Winograd's algorithm is fastest for a layer. The costs are those of
 * winograd_cost.py, whose function of the same name decides alike. */
#ifndef ROT180_WINOGRAD_FORM_H
#define ROT180_WINOGRAD_FORM_H

#include "contraction.h"
#include "winograd_constants.h"

/* Return the number of the fastest form, or -1 where the definition is as fast. channels and
 * outputs are those of a group. */
static int winograd_form(Int batch, Int channels, Int outputs, const Int *out_size) {
    double best = WINOGRAD_THRESHOLD * (double)batch * ((double)out_size[0] * (double)out_size[1]);
    int found = -1;
    if (channels < WINOGRAD_MIN_CHANNELS || outputs < WINOGRAD_MIN_CHANNELS) return -1;
    for (int n = 0; n < WINOGRAD_FORMS; n++) {
        const WinogradForm *form = &winograd_forms[n];
        const Int rows = (out_size[0] + form->tile - 1) / form->tile;
        const Int columns = (out_size[1] + form->tile - 1) / form->tile;
        const double tiles = (double)batch * ((double)rows * (double)columns);
        const double sides = form->transforms * (1. / (double)channels + 1. / (double)outputs);
        const double cost = tiles * (form->products + sides) + form->filters;
        if (channels <= form->channels / outputs && cost < best) found = n, best = cost;
    }
    return found;
}

#endif /* ROT180_WINOGRAD_FORM_H */
