/* Correlation of stride 1 in Winograd's form, with fewer products than the definition has.
 *
 *     out[n, o, p] = bias[o] + sum over c, k of x[n, c, p + k - low] * w[o, c, k]
 *
 * A caller fills in a layer, with the form that `winograd_form` returns, and calls
 * `winograd_convolve`. Results differ from the definition's by rounding: in float32 by 1e-6
 * to 7e-6 of the result for tiles of 4 x 4 outputs, 6e-7 for tiles of 2 x 2. x may have any
 * padding, also a negative one, and is never read outside its box; each output is written once.
 * Scratch memory stays below 32 MiB in float32, whatever the batch. The transforms spread an entry
 * that is not finite over a tile, and large ones may overflow: if an output is not finite,
 * `winograd_convolve` returns NOT_FINITE, and the output is undefined.
 *
 * How: a filter is cut into blocks of r x r taps. For a tile of m x m outputs, a block needs n x n
 * inputs, n = m + r - 1. The filters (U) and the inputs (V) are transformed; at each of the n x n
 * points, M = U V is a product of matrices that sums over the blocks and the channels; the
 * transform of M is the outputs. If m = r, the inputs of a block are those of another tile. On one
 * axis (`nested`) an image of r rows is made of a line: its entry [i, j] is entry i + r j of the
 * line. winograd_transforms.h has the transforms and names the theorems that prove them.
 */
#ifndef ROT180_WINOGRAD_H
#define ROT180_WINOGRAD_H

#include "contraction.h"

enum { NOT_FINITE = 2 };

typedef struct {
    int itemsize; /* 4: float, 8: double */
    int form, isa, threads;
    Int batch, groups, channels, outputs; /* channels and outputs of a group */
    Int size[2], out_size[2], low[2];     /* low: the padding before the first entry */
    Int taps[2];                          /* of the filter along each axis */
    int nested;               /* whether there is one axis, the second; the first is 1 */
    const char *x, *w, *bias; /* bias: groups x outputs, or NULL */
    Int x_stride[4];          /* bytes; batch, group, channel, row; columns are adjacent */
    Int w_stride[5];          /* bytes; group, output, channel, taps */
    char *out;                /* batch x groups x outputs x rows x columns, adjacent */
} WinogradLayer;

#endif /* ROT180_WINOGRAD_H */
