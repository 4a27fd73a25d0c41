/* The kernels of Winograd's form for one type and one length of vectors. No guard:
 * winograd_kernels.h includes it for each. winograd_transforms.h and winograd_micro.h are written
 * from templates. */

#include "winograd_micro.h"
#include "winograd_transforms.h"
#include "winograd_interleave.h"
#include "winograd_multiply.h"

#define TILE 4
#include "winograd_tiles.h"
#undef TILE
#define TILE 2
#include "winograd_tiles.h"
#undef TILE
