/* The micro-kernels of one type: what each computes, and tables of them by instruction set and
 * shape. Their bodies come from templates/micro_kernels.h.jinja, one looped source a kind; a shape
 * that is not in a table is NULL. */
#ifndef ROT180_MICRO_KERNELS_H
#define ROT180_MICRO_KERNELS_H

#include "contraction.h"
#include "simd.h"
#include "sum.h"
#include "type.h"

/* c[i][j] += sum over t < terms of a[rows[i] + at[t].a] * b[pieces[p] + at[t].b + j], for the
 * columns j of each piece p; the last vector of a piece is `last` bytes from its first entry, and
 * only what the mask `keep` lets through is added. With `add` 0 the tile is stored. */
typedef void NAME(Tile)(Int terms, const char *a, const Int *rows, const char *b, const Int *pieces,
                        const Offsets *at, Int last, const void *keep, char *out,
                        const Int *out_rows, const Int *out_pieces, int add);

/* The same for one row, and pieces that follow each other as terms do: what a piece reads at a
 * term, the piece before it reads `period` terms later. So what is loaded serves three periods. */
typedef void NAME(Slide)(Int terms, Int period, const char *a, const char *b, const Int *pieces,
                         const Offsets *at, Int last, const void *keep, char *out,
                         const Int *out_pieces, int add);

/* out[i][j] += sum over t < length of a[i][t] * b[j][t], over `runs` runs. */
typedef void NAME(Dot)(Int runs, const Offsets *at, Int length, const char *a, const Int *rows,
                       const char *b, const Int *columns, T *out);

/* out[columns[j]][i] += from[i][j], for a square of entries; with `add` 0 it is stored. */
typedef void NAME(Transpose)(const T *from, Int pitch, char *out, const Int *columns, int add);

/* out[i * spacing] += scale * from[i], 0 <= i < n. What lies between is written again as it is. */
typedef void NAME(Spread)(Int n, T scale, const T *from, T *out);

/* See vector_kernels.h. */
typedef void NAME(Copy)(Int terms, const Int *k, const char *data, Int pieces, const Int *start,
                        const Int *length, T *to, Int width);
typedef void NAME(CopyLines)(Int lines, Int n, Int spacing, const char *from, Int from_step,
                             char *to, Int to_step);

/* The tables of each length of vectors, which the template fills in: [rows][pieces][vectors],
 * [vectors], [rows][columns], [spacing]. */
typedef NAME(Tile) *const NAME(Tiles)[MAX_PIECES + 1][MAX_VECTORS + 1];
typedef NAME(Slide) *const NAME(Slides)[MAX_VECTORS + 1];
typedef NAME(Dot) *const NAME(Dots)[MAX_VECTORS + 1];
typedef NAME(Spread) *const NAME(Spreads)[MAX_SPACING + 1];
static NAME(Tiles) KERNEL(tiles, 16)[MAX_MR + 1];
static NAME(Slides) KERNEL(slides, 16);
static NAME(Dots) KERNEL(dots, 16)[MAX_MR + 1];
#ifdef ROT180_VECTORS
static NAME(Spreads) KERNEL(spreads, 16);
static NAME(Transpose) KERNEL(transpose, 16);
#endif
#define ROT180_BYTES 16
#include "vector_kernels.h"
#undef ROT180_BYTES

#ifdef ROT180_X86
static NAME(Tiles) KERNEL(tiles, 32)[MAX_MR + 1], KERNEL(tiles, 64)[MAX_MR + 1];
static NAME(Slides) KERNEL(slides, 32), KERNEL(slides, 64);
static NAME(Dots) KERNEL(dots, 32)[MAX_MR + 1], KERNEL(dots, 64)[MAX_MR + 1];
static NAME(Spreads) KERNEL(spreads, 32), KERNEL(spreads, 64);
#define ROT180_BYTES 32
#include "vector_kernels.h"
#undef ROT180_BYTES
#define ROT180_BYTES 64
#include "vector_kernels.h"
#undef ROT180_BYTES
#endif

#ifdef ROT180_X86
#define BY_ISA(word) \
    { KERNEL(word, 16), KERNEL(word, 32), KERNEL(word, 64) }
#else
#define BY_ISA(word) \
    { KERNEL(word, 16) }
#endif
static NAME(Tiles) *const NAME(tile)[ISAS] = BY_ISA(tiles);
static NAME(Slide) *const *const NAME(slide)[ISAS] = BY_ISA(slides);
static NAME(Dots) *const NAME(dot)[ISAS] = BY_ISA(dots);
static NAME(Copy) *const NAME(copy)[ISAS] = BY_ISA(copy);
static NAME(CopyLines) *const NAME(copy_lines)[ISAS] = BY_ISA(copy_lines);
#ifdef ROT180_VECTORS
static NAME(Spread) *const *const NAME(spread)[ISAS] = BY_ISA(spreads);
static NAME(Transpose) *const NAME(transpose)[ISAS] = BY_ISA(transpose);
#endif
#undef BY_ISA

#endif /* ROT180_MICRO_KERNELS_H */
