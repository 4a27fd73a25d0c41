/* The driver for float and for double: rot180_contract_float, rot180_contract_double. */
#ifndef ROT180_BOTH_TYPES_H
#define ROT180_BOTH_TYPES_H

#include "algorithm.h"
#include "choice.h"
#include "contraction.h"
#include "index_map.h"
#include "loop_group.h"
#include "phase_split.h"
#include "runs.h"
#include "simd.h"
#include "sum.h"
#include "workspace.h"

#define ROT180_TYPE float
#define ROT180_SIZE 4
#include "one_type.h"
#undef ROT180_TYPE
#undef ROT180_SIZE
#define ROT180_TYPE double
#define ROT180_SIZE 8
#include "one_type.h"
#undef ROT180_TYPE
#undef ROT180_SIZE

#endif /* ROT180_BOTH_TYPES_H */
