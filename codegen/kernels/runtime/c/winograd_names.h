/* The names of what is written once and compiled for each type, instruction set and size of
 * tiles and of blocks of taps, as in type.h: TILED(word) is word_TILE_TAPS_float_avx2. */
#ifndef ROT180_WINOGRAD_NAMES_H
#define ROT180_WINOGRAD_NAMES_H

#include "simd.h"
#include "type.h"
#include "watch.h"
#include "workspace.h"
#include "winograd_layout.h"

#ifndef ROT180_SET
#define ROT180_SET baseline
#endif
#ifndef TILE
#define TILE 4
#endif
#ifndef TAPS
#define TAPS 3
#endif

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

#define TILED(word) FN(JOIN(JOIN(word, TILE), TAPS))
#define POINTS (TILE + TAPS - 1) /* products of a tile along an axis */
/* Rows of a micro-kernel: times three vectors they are sums, which fit 32 or 16 registers. */
#define MICRO_ROWS (JOIN(REGISTERS, ROT180_SET) == 32 ? 8 : 4)

#endif /* ROT180_WINOGRAD_NAMES_H */
