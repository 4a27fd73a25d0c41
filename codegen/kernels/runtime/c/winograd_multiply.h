/* M = U V at one point of the transforms. */
#ifndef ROT180_WINOGRAD_MULTIPLY_H
#define ROT180_WINOGRAD_MULTIPLY_H

#include "winograd_micro.h"
#include "winograd_names.h"

/* Return in m the products of a panel of outputs. What lies beyond the tiles is computed too. */
TARGET static void FN(winograd_multiply)(const WinogradLayer *s, const WinogradLayout *l, Int tiles,
                                         Int outputs, const T *u, const T *v, T *m) {
    enum { L = sizeof(V) / sizeof(T) };
    const Int k = s->channels, step = l->width, pieces = l->pieces;
    Int shift[WINOGRAD_MAX_PIECES * WINOGRAD_MAX_PIECES];
    for (Int r = 0; r < pieces; r++) shift[r] = r / l->across * l->line + r % l->across;
    for (Int j = 0; j < tiles; j += 3 * L) {
        const Int vectors = MIN(3, (tiles - j + L - 1) / L);
        for (Int i = 0; i < outputs; i += MICRO_ROWS) {
            T *out = m + i * step + j;
            if (vectors == 3) FN(winograd_micro_3)(k, pieces, shift, u + i, v + j, step, out, step);
            else if (vectors == 2)
                FN(winograd_micro_2)(k, pieces, shift, u + i, v + j, step, out, step);
            else FN(winograd_micro_1)(k, pieces, shift, u + i, v + j, step, out, step);
        }
    }
}

#endif /* ROT180_WINOGRAD_MULTIPLY_H */
