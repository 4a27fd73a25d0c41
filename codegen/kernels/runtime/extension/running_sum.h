/* Running sums along an axis of an array, whose entries lie in order without gaps. */
#ifndef ROT180_RUNNING_SUM_H
#define ROT180_RUNNING_SUM_H

#include "contraction.h"

/* Add to each entry along an axis the one before it, in order: the one at the index less 1 where
 * the step is 1, the one at the index plus 1, from the end, where it is -1. */
static inline void rot180_running_sum(char *entries, Int itemsize, Int *shape, int axes, int axis,
                                      int step) {
    Int outer = 1, inner = 1;
    const Int length = shape[axis];
    for (int a = 0; a < axis; a++) outer *= shape[a];
    for (int a = axis + 1; a < axes; a++) inner *= shape[a];
    for (Int o = 0; o < outer; o++) {
        Int at = (o * length + (step > 0 ? 0 : length - 1)) * inner;
        for (Int t = 1; t < length; t++) {
            const Int before = at;
            at += step * inner;
            if (itemsize == 4)
                for (Int i = 0; i < inner; i++)
                    ((float *)entries)[at + i] += ((float *)entries)[before + i];
            else
                for (Int i = 0; i < inner; i++)
                    ((double *)entries)[at + i] += ((double *)entries)[before + i];
        }
    }
}

#endif /* ROT180_RUNNING_SUM_H */
