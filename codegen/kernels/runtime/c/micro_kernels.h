/* The micro-kernels of one type: what each computes, and tables of them by instruction set and
 * shape. Their bodies and tables come from templates/micro_kernels.h.jinja, one looped source a
 * kind; what a table lacks is NULL. */
#ifndef ROT180_MICRO_KERNELS_H
#define ROT180_MICRO_KERNELS_H

#include "contraction.h"
#include "simd.h"
#include "sum.h"
#include "type.h"

/* c[i][j] += sum over t < terms of a[rows[i] + at[t].a] * b[pieces[p] + at[t].b + j], for the
 * columns j of each piece p; the last vector of a piece is `last` bytes from its first entry, and
 * only what the mask `keep` lets through is added. With `add` 0 the tile is stored. */
typedef void TYPE(Tile)(Int terms, const char *a, const Int *rows, const char *b, const Int *pieces,
                        const Offsets *at, Int last, const void *keep, char *out,
                        const Int *out_rows, const Int *out_pieces, int add);

/* The same for one row, and pieces that follow each other as terms do: what a piece reads at a
 * term, the piece before it reads `period` terms later. So what is loaded serves three periods. */
typedef void TYPE(Slide)(Int terms, Int period, const char *a, const char *b, const Int *pieces,
                         const Offsets *at, Int last, const void *keep, char *out,
                         const Int *out_pieces, int add);

/* out[i][j] += sum over t < length of a[i][t] * b[j][t], over `runs` runs. */
typedef void TYPE(Dot)(Int runs, const Offsets *at, Int length, const char *a, const Int *rows,
                       const char *b, const Int *columns, T *out);

/* out[columns[j]][i] += from[i][j], for a square of entries; with `add` 0 it is stored. */
typedef void TYPE(Transpose)(const T *from, Int pitch, char *out, const Int *columns, int add);

/* out[i * spacing] += scale * from[i], 0 <= i < n. What lies between is written again as it is. */
typedef void TYPE(Spread)(Int n, T scale, const T *from, T *out);

/* See vector_kernels.h. */
typedef void TYPE(Copy)(Int terms, const Int *k, const char *data, Int pieces, const Int *start,
                        const Int *length, T *to, Int width);
typedef void TYPE(CopyLines)(Int lines, Int n, Int spacing, const char *from, Int from_step,
                             char *to, Int to_step);

/* The kernels for one instruction set, by shape. */
typedef struct {
    TYPE(Tile) *tile[MAX_MR + 1][MAX_PIECES + 1][MAX_VECTORS + 1]; /* rows, pieces, vectors */
    TYPE(Slide) *slide[MAX_VECTORS + 1];                           /* vectors */
    TYPE(Dot) *dot[MAX_MR + 1][MAX_VECTORS + 1];                   /* rows, columns */
    TYPE(Spread) *spread[MAX_SPACING + 1];                         /* spacing */
    TYPE(Transpose) *transpose;
    TYPE(Copy) *copy;
    TYPE(CopyLines) *copy_lines;
} TYPE(Kernels);

static const TYPE(Kernels) KERNEL(kernels, baseline);
#define ROT180_SET baseline
#include "vector_kernels.h"
#undef ROT180_SET

#ifdef ROT180_X86
static const TYPE(Kernels) KERNEL(kernels, avx2), KERNEL(kernels, avx512);
#define ROT180_SET avx2
#include "vector_kernels.h"
#undef ROT180_SET
#define ROT180_SET avx512
#include "vector_kernels.h"
#undef ROT180_SET
#endif

#ifdef ROT180_ARM
static const TYPE(Kernels) KERNEL(kernels, neon);
#define ROT180_SET neon
#include "vector_kernels.h"
#undef ROT180_SET
#endif

static const TYPE(Kernels) *const NAME(kernels)[ISAS] = {
    &KERNEL(kernels, baseline),
#ifdef ROT180_X86
    &KERNEL(kernels, avx2),
    &KERNEL(kernels, avx512),
#endif
#ifdef ROT180_ARM
    &KERNEL(kernels, neon),
#endif
};

#endif /* ROT180_MICRO_KERNELS_H */
