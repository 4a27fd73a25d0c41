/* The kernels of Winograd's form for each type, length of vectors and size of tiles, and the tables
 * from which one is chosen at run time. */
#ifndef ROT180_WINOGRAD_KERNELS_H
#define ROT180_WINOGRAD_KERNELS_H

#include "winograd_names.h"

#undef TILE
#undef ROT180_TYPE
#undef ROT180_SIZE
#define ROT180_TYPE float
#define ROT180_SIZE 4
#undef ROT180_BYTES
#define ROT180_BYTES 16
#include "winograd_vector.h"
#ifdef ROT180_X86
#undef ROT180_BYTES
#define ROT180_BYTES 32
#include "winograd_vector.h"
#undef ROT180_BYTES
#define ROT180_BYTES 64
#include "winograd_vector.h"
#endif
#undef ROT180_TYPE
#undef ROT180_SIZE
#define ROT180_TYPE double
#define ROT180_SIZE 8
#undef ROT180_BYTES
#define ROT180_BYTES 16
#include "winograd_vector.h"
#ifdef ROT180_X86
#undef ROT180_BYTES
#define ROT180_BYTES 32
#include "winograd_vector.h"
#undef ROT180_BYTES
#define ROT180_BYTES 64
#include "winograd_vector.h"
#endif

#undef ROT180_TYPE
#undef ROT180_SIZE
#undef ROT180_BYTES
#undef ROT180_TYPE_H
#undef T
#undef V
#undef M
#undef TARGET
#undef FN
#undef KERNEL
#undef NAME
#undef BITS
#undef JOIN
#undef JOIN_
#undef NARROWER
#undef NARROWER_16
#undef NARROWER_32
#undef NARROWER_64
#undef TILED
#undef POINTS
#undef MICRO_ROWS
#undef EVENS
#undef ODDS
#undef MERGE_LOW
#undef MERGE_HIGH

typedef void WinogradFilters(const WinogradLayer *, const WinogradLayout *, Int, Int, char *);
typedef int WinogradBlock(const WinogradLayer *, const WinogradLayout *, Int, Int, const char *,
                          Watch *);

/* By type, instruction set and form, in the order of winograd_forms: tiles of 4 x 4 and of 2 x 2
 * outputs. */
#define BY_FORM(word, type, bytes) \
    { word##_4_##type##_##bytes, word##_2_##type##_##bytes }
#ifdef ROT180_X86
#define BY_ISA(word, type) \
    { BY_FORM(word, type, 16), BY_FORM(word, type, 32), BY_FORM(word, type, 64) }
#else
#define BY_ISA(word, type) \
    { BY_FORM(word, type, 16) }
#endif
static WinogradFilters *const winograd_filters[2][ISAS][WINOGRAD_FORMS] = {
    BY_ISA(winograd_filters, float), BY_ISA(winograd_filters, double)};
static WinogradBlock *const winograd_block[2][ISAS][WINOGRAD_FORMS] = {
    BY_ISA(winograd_block, float), BY_ISA(winograd_block, double)};

#endif /* ROT180_WINOGRAD_KERNELS_H */
