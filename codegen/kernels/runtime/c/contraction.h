/* Sums of products over affine index maps: what a caller fills in.
 *
 *     out[place] += scale * sum of the products of entries,
 *
 * or `=`, where nothing is in the output yet and the loops visit each of its entries once.
 * A loop has one of four roles: BATCH (in the output and on both sides), ROWS (in the output and
 * on the left), COLUMNS (in the output and on the right alone), REDUCTION (summed).
 * Arrays are zero outside their box. Nothing here knows which layer a sum belongs to.
 *
 * The contract of rot180_contract:
 * - On axis a an index is constant[a] + sum of slope[a][i] * v[i]. An entry is 0 where an index is
 *   not in 0 <= index < size[a]; memory outside an array is not touched. A box is 1 inside, and
 *   has no strides.
 * - No factor on the left depends on a COLUMNS loop, none on the right on a ROWS loop. If there is
 *   no factor on the right, all loops are ROWS or REDUCTION.
 * - The output depends on no REDUCTION loop. Its places are in its box (else TOO_FAR), and no two
 *   values of the other loops have the same place.
 * - Where a loop has no values nothing is added. A fresh sum then stores zeros, if only REDUCTION
 *   loops have none.
 * - It returns DONE, or NO_MEMORY, TOO_FAR or ENDED, by a signal (watch.h); the output is then
 *   undefined.
 *
 * A caller begins a nest, adds its loops and their bounds, fills in the maps of the output and of
 * each factor, and calls rot180_contract.
 */
#ifndef ROT180_CONTRACTION_H
#define ROT180_CONTRACTION_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__)
#define COLD __attribute__((noinline, cold)) /* seldom called: kept out of the way of the rest */
#else
#define COLD
#endif

typedef ptrdiff_t Int;
static const Int ENDLESS = (Int)1 << 60; /* no index is as large */

enum { LOOPS = 32, AXES = 20, FACTORS = 64 };
enum { BATCH, ROWS, COLUMNS, REDUCTION, ROLES };
enum { DONE = 0, NO_MEMORY = -1, TOO_FAR = -2, ENDED = -3, ANSWERED = 1 };

/* An entry of an array, or of a box (data == NULL): 1 inside, 0 outside. */
typedef struct {
    const char *data;
    int axes;
    Int size[AXES];
    Int stride[AXES]; /* bytes */
    Int constant[AXES];
    Int slope[AXES][LOOPS];
} Entry;

typedef struct {
    int itemsize; /* 4: float, 8: double */
    int loops;
    Int first[LOOPS], stop[LOOPS]; /* a loop runs over first <= v < stop */
    int role[LOOPS];
    double scale;
    int fresh;       /* nothing is in the output yet, and each of its entries is visited once */
    int left, right; /* how many of the factors are on each side */
    Entry *factors;
    Entry out;
    Int constant, slope[LOOPS]; /* the map of the next bound */
} Nest;

/* The functions of a module that contains them, for modules that do not. */
typedef struct {
    int (*contract)(const Nest *nest);
    int (*small)(double products);
    int *threads;
} Contraction;

static inline void rot180_begin(Nest *n, int itemsize, Entry *factors, int left, int right,
                                double scale) {
    n->itemsize = itemsize;
    n->loops = 0;
    n->scale = scale;
    n->fresh = 0;
    n->left = left, n->right = right;
    n->factors = factors;
    n->constant = 0;
}

/* Add a loop over all integers; bounds follow. */
static inline int rot180_loop(Nest *n, int role) {
    n->first[n->loops] = -ENDLESS;
    n->stop[n->loops] = ENDLESS;
    n->role[n->loops] = role;
    n->slope[n->loops] = 0;
    return n->loops++;
}

/* Add a loop over 0 <= v < size. */
static inline int rot180_range(Nest *n, int role, Int size) {
    int loop = rot180_loop(n, role);
    n->first[loop] = 0;
    n->stop[loop] = size;
    return loop;
}

/* Divide, rounding down. */
static inline Int rot180_floor(Int a, Int b) {
    Int q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

/* Restrict a loop to 0 <= n->constant + slopes * loops < size for some values of the loops before
 * it. Return 0 if 62 bits cannot hold the numbers. */
static inline int rot180_bound(Nest *n, int loop, Int size) {
    Int low = n->constant, high = low, slope = n->slope[loop], first, stop;
    double far = (double)size;
    int empty = 0;
    for (int i = 0; i < loop; i++) {
        Int by = n->slope[i];
        double ends = (double)n->first[i] * (double)by, other = (double)n->stop[i] * (double)by;
        n->slope[i] = 0;
        if (by == 0) continue;
        far += (ends < 0 ? -ends : ends) + (other < 0 ? -other : other);
        empty = empty || n->first[i] >= n->stop[i];
        if (empty || far >= (double)ENDLESS) continue;
        low += by > 0 ? by * n->first[i] : by * (n->stop[i] - 1);
        high += by < 0 ? by * n->first[i] : by * (n->stop[i] - 1);
    }
    n->constant = n->slope[loop] = 0;
    if (!empty && far >= (double)ENDLESS) return 0;
    if (!empty && slope != 0) {
        Int by = slope < 0 ? -slope : slope;
        first = slope > 0 ? -rot180_floor(high, by) : -rot180_floor(size - 1 - low, by);
        stop = slope > 0 ? rot180_floor(size - 1 - low, by) + 1 : rot180_floor(high, by) + 1;
        if (first > n->first[loop]) n->first[loop] = first;
        if (stop < n->stop[loop]) n->stop[loop] = stop;
    }
    if (empty || (slope == 0 && (high < 0 || low >= size)) || n->first[loop] >= n->stop[loop])
        n->first[loop] = n->stop[loop] = 0;
    return 1;
}

/* The values first <= v < stop. */
typedef struct {
    Int first, stop;
} Span;

/* Return where 0 <= slope * v + rest < size. */
static COLD Span rot180_span(Int slope, Int rest, Int size) {
    Int low = -rest, high = size - rest; /* low <= slope * v < high */
    if (slope == 0) {
        const Span none = {0, 0}, all = {-ENDLESS, ENDLESS};
        return low > 0 || high <= 0 ? none : all;
    }
    if (slope < 0) {
        Int reflected = 1 - high;
        high = 1 - low, low = reflected, slope = -slope;
    }
    const Span found = {-rot180_floor(-low, slope), rot180_floor(high - 1, slope) + 1};
    return found;
}

/* Restrict first <= v < stop to where 0 <= slope * v + rest < size. */
static inline void rot180_clip(Int slope, Int rest, Int size, Int *first, Int *stop) {
    Span s = {-rest, size - rest};
    if (slope == -1) s.first = rest - size + 1, s.stop = rest + 1;
    else if (slope != 1) s = rot180_span(slope, rest, size);
    if (s.first > *first) *first = s.first;
    if (s.stop < *stop) *stop = s.stop;
}

/* Begin the map of an entry of an array, or of a box: the data, and no slope. */
static inline void rot180_entry(Entry *e, void *data, int axes, const Int *size,
                                const Int *stride) {
    e->data = data;
    e->axes = axes;
    for (int a = 0; a < axes; a++) {
        e->size[a] = size[a];
        e->stride[a] = stride ? stride[a] : 0;
        e->constant[a] = 0;
        memset(e->slope[a], 0, sizeof(e->slope[a]));
    }
}

#endif /* ROT180_CONTRACTION_H */
