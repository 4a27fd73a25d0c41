/* A row of tiles as one row for each place in a tile, and back: `deinterleave_m` takes every m-th
 * entry, `interleave_m` puts them together again. Both work in whole vectors, so that up to a
 * vector more than asked for is read and written. */
#ifndef ROT180_WINOGRAD_INTERLEAVE_H
#define ROT180_WINOGRAD_INTERLEAVE_H

#include "winograd_names.h"

#undef EVENS
#undef ODDS
#undef MERGE_LOW
#undef MERGE_HIGH
#ifdef ROT180_VECTORS
#if ROT180_BYTES == 16 * ROT180_SIZE
#define EVENS(x, y) SHUFFLE(x, y, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODDS(x, y) SHUFFLE(x, y, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define MERGE_LOW(x, y) SHUFFLE(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define MERGE_HIGH(x, y) SHUFFLE(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif ROT180_BYTES == 8 * ROT180_SIZE
#define EVENS(x, y) SHUFFLE(x, y, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODDS(x, y) SHUFFLE(x, y, 1, 3, 5, 7, 9, 11, 13, 15)
#define MERGE_LOW(x, y) SHUFFLE(x, y, 0, 8, 1, 9, 2, 10, 3, 11)
#define MERGE_HIGH(x, y) SHUFFLE(x, y, 4, 12, 5, 13, 6, 14, 7, 15)
#elif ROT180_BYTES == 4 * ROT180_SIZE
#define EVENS(x, y) SHUFFLE(x, y, 0, 2, 4, 6)
#define ODDS(x, y) SHUFFLE(x, y, 1, 3, 5, 7)
#define MERGE_LOW(x, y) SHUFFLE(x, y, 0, 4, 1, 5)
#define MERGE_HIGH(x, y) SHUFFLE(x, y, 2, 6, 3, 7)
#else
#define EVENS(x, y) SHUFFLE(x, y, 0, 2)
#define ODDS(x, y) SHUFFLE(x, y, 1, 3)
#define MERGE_LOW(x, y) SHUFFLE(x, y, 0, 2)
#define MERGE_HIGH(x, y) SHUFFLE(x, y, 1, 3)
#endif
#endif

/* to[place * step + j] = from[m * j + place], 0 <= j < count. */
TARGET INLINE void FN(deinterleave_2)(const T *from, Int count, T *to, Int step) {
    for (Int j = 0; j < count; j += sizeof(V) / sizeof(T)) {
#ifdef ROT180_VECTORS
        const V *x = (const V *)(from + 2 * j);
        *(V *)(to + j) = EVENS(x[0], x[1]);
        *(V *)(to + step + j) = ODDS(x[0], x[1]);
#else
        for (Int k = 0; k < 2; k++) to[k * step + j] = from[2 * j + k];
#endif
    }
}

TARGET INLINE void FN(deinterleave_4)(const T *from, Int count, T *to, Int step) {
    for (Int j = 0; j < count; j += sizeof(V) / sizeof(T)) {
#ifdef ROT180_VECTORS
        const V *x = (const V *)(from + 4 * j);
        const V even0 = EVENS(x[0], x[1]), even1 = EVENS(x[2], x[3]);
        const V odd0 = ODDS(x[0], x[1]), odd1 = ODDS(x[2], x[3]);
        *(V *)(to + j) = EVENS(even0, even1);
        *(V *)(to + step + j) = EVENS(odd0, odd1);
        *(V *)(to + 2 * step + j) = ODDS(even0, even1);
        *(V *)(to + 3 * step + j) = ODDS(odd0, odd1);
#else
        for (Int k = 0; k < 4; k++) to[k * step + j] = from[4 * j + k];
#endif
    }
}

/* to[m * j + place] = from[place * step + j] + add, 0 <= j < count. */
TARGET INLINE void FN(interleave_2)(const T *from, Int step, Int count, T add, T *to) {
    for (Int j = 0; j < count; j += sizeof(V) / sizeof(T)) {
#ifdef ROT180_VECTORS
        const V a = *(const V *)(from + j) + add, b = *(const V *)(from + step + j) + add;
        V *y = (V *)(to + 2 * j);
        y[0] = MERGE_LOW(a, b), y[1] = MERGE_HIGH(a, b);
#else
        for (Int k = 0; k < 2; k++) to[2 * j + k] = from[k * step + j] + add;
#endif
    }
}

TARGET INLINE void FN(interleave_4)(const T *from, Int step, Int count, T add, T *to) {
    for (Int j = 0; j < count; j += sizeof(V) / sizeof(T)) {
#ifdef ROT180_VECTORS
        const V a = *(const V *)(from + j) + add, b = *(const V *)(from + step + j) + add;
        const V c = *(const V *)(from + 2 * step + j) + add;
        const V d = *(const V *)(from + 3 * step + j) + add;
        const V even0 = MERGE_LOW(a, c), even1 = MERGE_HIGH(a, c);
        const V odd0 = MERGE_LOW(b, d), odd1 = MERGE_HIGH(b, d);
        V *y = (V *)(to + 4 * j);
        y[0] = MERGE_LOW(even0, odd0), y[1] = MERGE_HIGH(even0, odd0);
        y[2] = MERGE_LOW(even1, odd1), y[3] = MERGE_HIGH(even1, odd1);
#else
        for (Int k = 0; k < 4; k++) to[4 * j + k] = from[k * step + j] + add;
#endif
    }
}

/* Add n entries minus themselves, which is 0 if they are finite, else NaN. */
TARGET INLINE V FN(add_differences)(const T *line, Int n, V sum) {
    enum { L = sizeof(V) / sizeof(T) };
    T rest = 0;
    for (Int j = 0; j < n && n >= L; j += L) { /* the last vector ends with the line */
        const V x = *(const V *)(line + MIN(j, n - L));
        sum += x - x;
    }
    for (Int j = 0; j < n && n < L; j++) rest += line[j] - line[j];
    return sum + rest;
}

#endif /* ROT180_WINOGRAD_INTERLEAVE_H */
