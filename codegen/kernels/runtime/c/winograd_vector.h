/* The kernels of Winograd's form for one type and one instruction set. No guard:
 * winograd_kernels.h includes it for each. */

#include "winograd_interleave.h"
#include "winograd_multiply.h"
#include "winograd_transforms.h"

#undef TILE
#undef TAPS
#define TILE 4
#define TAPS 3
#include "winograd_tiles.h"
#undef TAPS
#define TAPS 4
#include "winograd_tiles.h"
#undef TAPS
#define TAPS 5
#include "winograd_tiles.h"
#undef TILE
#undef TAPS
#define TILE 2
#define TAPS 3
#include "winograd_tiles.h"
#undef TILE
#undef TAPS

#undef ROT180_WINOGRAD_INTERLEAVE_H
#undef ROT180_WINOGRAD_MICRO_H
#undef ROT180_WINOGRAD_MULTIPLY_H
#undef ROT180_WINOGRAD_TRANSFORMS_H
