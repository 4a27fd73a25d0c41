/* A sum as the algorithms see it: a matrix product c[m][n] += sum over k of a[m][k] * b[k][n] whose
 * operands are read through their index maps.
 *
 * Vectors run along n, one of the nest's two sides; the entries of the other side, m, are
 * broadcast. Each of m, n and k is a group of loops.
 */
#ifndef ROT180_SUM_H
#define ROT180_SUM_H

#include "contraction.h"
#include "watch.h"

enum { MAX_PHASES = 32 };

/* An operand. Of an axis with modulus r (see phase_split.h), index u is in phase u mod r, at place
 * floor(u / r) - low. */
typedef struct {
    const char *data;
    int axes;
    Int size[AXES], stride[AXES], constant[AXES], slope[AXES][LOOPS];
    Int modulus[AXES], low[AXES], phase_stride[AXES], residue[AXES][MAX_PHASES];
    int phases[AXES];
    int split;               /* some axis has a modulus other than 1 */
    int checks, check[AXES]; /* axes on which it may leave its box */
    Int step[LOOPS];         /* bytes; meaningless for loops that change the phase */
} Factor;

/* The loops of m, n, k or the batch, outermost first; those from `first` on are inside a block,
 * loop `first` by `step` at a time. */
typedef struct {
    int count, at[LOOPS], first;
    Int step, size;
} Group;

/* The part of the iteration space that is computed now. */
typedef struct {
    Int from[LOOPS], count[LOOPS];
} Box;

/* The byte offsets of a term of the sum in a and in b. */
typedef struct {
    Int a, b;
} Offsets;

typedef struct {
    int loops;
    Int extent[LOOPS];
    double scale;
    int fresh;
    Factor out;
    int a_count, b_count; /* factors of each side */
    Factor *a_factors, *b_factors;
    Int spacing[LOOPS]; /* a loop's step along the output's contiguous axis, or 0 */
    Group batch, n, m, k;
    Box box;
    Watch *watch;
    int reason;     /* of the algorithm that is chosen, one of algorithm_constants.h */
    int transposed; /* the output is contiguous along m, and tiles are transposed before they are
                       added to it */
} Sum;

#endif /* ROT180_SUM_H */
