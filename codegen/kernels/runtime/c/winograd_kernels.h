/* The kernels of Winograd's form for each type, instruction set and size of tiles, and the tables
 * from which one is chosen at run time. */
#ifndef ROT180_WINOGRAD_KERNELS_H
#define ROT180_WINOGRAD_KERNELS_H

#include "winograd_names.h"

#undef TILE
#undef TAPS
#undef ROT180_TYPE
#undef ROT180_SIZE
#define ROT180_TYPE float
#define ROT180_SIZE 4
#undef ROT180_SET
#define ROT180_SET baseline
#include "winograd_vector.h"
#ifdef ROT180_X86
#undef ROT180_SET
#define ROT180_SET avx2
#include "winograd_vector.h"
#undef ROT180_SET
#define ROT180_SET avx512
#include "winograd_vector.h"
#endif
#ifdef ROT180_ARM
#undef ROT180_SET
#define ROT180_SET neon
#include "winograd_vector.h"
#endif
#undef ROT180_TYPE
#undef ROT180_SIZE
#define ROT180_TYPE double
#define ROT180_SIZE 8
#undef ROT180_SET
#define ROT180_SET baseline
#include "winograd_vector.h"
#ifdef ROT180_X86
#undef ROT180_SET
#define ROT180_SET avx2
#include "winograd_vector.h"
#undef ROT180_SET
#define ROT180_SET avx512
#include "winograd_vector.h"
#endif
#ifdef ROT180_ARM
#undef ROT180_SET
#define ROT180_SET neon
#include "winograd_vector.h"
#endif

#undef ROT180_TYPE
#undef ROT180_SIZE
#undef ROT180_SET
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
#undef TILED
#undef POINTS
#undef MICRO_ROWS
#undef EVENS
#undef ODDS
#undef MERGE_LOW
#undef MERGE_HIGH

typedef void WinogradFilters(const WinogradLayer *, const WinogradLayout *, Int, Int, char *);
typedef int WinogradBlock(const WinogradLayer *, const WinogradLayout *, const WinogradPart *,
                          const char *, Watch *);

/* By type, instruction set and form, in the order of winograd_forms: outputs of a tile, and taps of
 * a block, along an axis. */
#define BY_FORM(word, type, set)                                                         \
    {                                                                                    \
        word##_4_3_##type##_##set, word##_2_3_##type##_##set, word##_4_5_##type##_##set, \
            word##_4_4_##type##_##set                                                    \
    }
#if defined(ROT180_X86)
#define BY_ISA(word, type) \
    { BY_FORM(word, type, baseline), BY_FORM(word, type, avx2), BY_FORM(word, type, avx512) }
#elif defined(ROT180_ARM)
#define BY_ISA(word, type) \
    { BY_FORM(word, type, baseline), BY_FORM(word, type, neon) }
#else
#define BY_ISA(word, type) \
    { BY_FORM(word, type, baseline) }
#endif
static WinogradFilters *const winograd_filters[2][ISAS][WINOGRAD_FORMS] = {
    BY_ISA(winograd_filters, float), BY_ISA(winograd_filters, double)};
static WinogradBlock *const winograd_block[2][ISAS][WINOGRAD_FORMS] = {
    BY_ISA(winograd_block, float), BY_ISA(winograd_block, double)};

#endif /* ROT180_WINOGRAD_KERNELS_H */
