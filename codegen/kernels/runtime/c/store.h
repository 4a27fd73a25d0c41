/* Storing: adds tiles to the output, or stores them where nothing is in it yet. */
#ifndef ROT180_STORE_H
#define ROT180_STORE_H

#include "algorithm.h"
#include "contraction.h"
#include "micro_kernels.h"
#include "pack.h"
#include "type.h"

/* Add or store n entries of a line of the output that are spaced apart. */
static void NAME(add_spaced)(const TYPE(Work) *w, Int n, const T *from, char *out) {
    const T scale = (T)w->s->scale;
#ifdef ROT180_VECTORS
    if (w->spacing && w->add) {
        w->kernels->spread[w->spacing](n, scale, from, (T *)out);
        return;
    }
#endif
    for (Int k = 0; k < n; k++, out += w->out_step)
        *(T *)out = (w->add ? *(T *)out : 0) + scale * from[k];
}

/* Add or store a tile's rows, columns [j, j + n) of the output. */
static void NAME(scatter)(const TYPE(Work) *w, const T *tile, Int pitch, Int i, Int rows, Int j,
                          Int n) {
    const T scale = (T)w->s->scale;
    const Int by = w->out_step;
    Int piece = j / w->run, place = j - piece * w->run;
    while (n > 0) {
        Int left = by == sizeof(T) ? w->out_run[piece] : w->run, many = MIN(n, left - place);
        for (Int r = 0; r < rows; r++) {
            char *out = w->out + w->m_out[i + r] + w->n_out[piece] + place * by;
            const T *from = tile + r * pitch;
            if (by == sizeof(T) && w->add)
                for (Int k = 0; k < many; k++) ((T *)out)[k] += scale * from[k];
            else if (by == sizeof(T))
                for (Int k = 0; k < many; k++) ((T *)out)[k] = scale * from[k];
            else NAME(add_spaced)(w, many, from, out);
        }
        tile += many, n -= many;
        piece += (place + many) / w->run;
        place = 0;
    }
}

/* Add the sums that were kept to the output, or store them there. */
static void NAME(store_sums)(const TYPE(Work) *w, Int m, Int n) {
    enum { SIDE = 16 };
    const T scale = (T)w->s->scale;
    for (Int j = 0; j < n; j += SIDE)
        for (Int i = 0; i < m; i += SIDE)
            for (Int x = j; x < MIN(j + SIDE, n); x++) {
                char *to = w->out + w->n_out[x / w->run] + x % w->run * w->out_step;
                const T *from = w->sums + x;
                for (Int r = i; r < MIN(i + SIDE, m); r++) {
                    T *out = (T *)(to + w->m_out[r]);
                    *out = (w->add ? *out : 0) + scale * from[r * w->pitch];
                }
            }
}

#endif /* ROT180_STORE_H */
