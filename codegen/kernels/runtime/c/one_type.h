/* Everything that is written once and compiled for float and for double. No guard: both_types.h
 * includes it for each type. */

#include "driver.h"

#undef T
#undef JOIN_
#undef JOIN
#undef NAME
#undef TYPE
#undef BITS
#undef V
#undef M
#undef TARGET
#undef KERNEL
#undef FN
#undef NARROWER
#undef ROT180_BYTES

#undef ROT180_DOT_H
#undef ROT180_DRIVER_H
#undef ROT180_ELEMENTWISE_H
#undef ROT180_FOLD_H
#undef ROT180_GEMM_H
#undef ROT180_MICRO_KERNELS_H
#undef ROT180_NOT_FINITE_H
#undef ROT180_OPERAND_H
#undef ROT180_PACK_H
#undef ROT180_PRODUCT_H
#undef ROT180_STAGING_H
#undef ROT180_STORE_H
#undef ROT180_TRANSPOSE_H
#undef ROT180_TYPE_H
