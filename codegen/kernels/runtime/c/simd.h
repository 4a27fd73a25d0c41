/* Processors and their vectors: the instruction sets that kernels are compiled for, the best one
 * that this processor has, and vector types of 16, 32 and 64 bytes. */
#ifndef ROT180_SIMD_H
#define ROT180_SIMD_H

#include <stdint.h>

typedef uint32_t bits_float;
typedef uint64_t bits_double;

enum { BASELINE, AVX2, AVX512, ISAS };
#define TARGET_16
#if defined(__x86_64__) && defined(__GNUC__)
#define ROT180_X86 1
#define TARGET_AVX2 __attribute__((target("avx2,fma")))
#define TARGET_AVX512 __attribute__((target("avx512f,avx512vl,avx2,fma")))
#define TARGET_32 TARGET_AVX2
#define TARGET_64 TARGET_AVX512
#endif

/* The best instruction set that this processor has. */
static int rot180_best(void) {
#ifdef ROT180_X86
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) return AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return AVX2;
#endif
    return BASELINE;
}

static int rot180_isa = -1; /* the one in use; -1: the best */

/* Of a micro-kernel: rows, pieces, vectors of a piece; the spacing of entries of the output. */
enum { MAX_MR = 8, MAX_PIECES = 4, MAX_VECTORS = 6, MAX_SPACING = 4 };

#if defined(__GNUC__)
#define VECTOR(name, type, bytes) \
    typedef type name __attribute__((vector_size(bytes), aligned(sizeof(type)), may_alias))
#define ROT180_VECTORS 1
VECTOR(float_16, float, 16);
VECTOR(float_32, float, 32);
VECTOR(float_64, float, 64);
VECTOR(double_16, double, 16);
VECTOR(double_32, double, 32);
VECTOR(double_64, double, 64);
VECTOR(mask_float_16, int32_t, 16);
VECTOR(mask_float_32, int32_t, 32);
VECTOR(mask_float_64, int32_t, 64);
VECTOR(mask_double_16, int64_t, 16);
VECTOR(mask_double_32, int64_t, 32);
VECTOR(mask_double_64, int64_t, 64);
/* The entries of a vector that a mask lets through, and 0; entries of two vectors, by number. */
#define MASKED(value, mask) ((V)((M)(value) & (mask)))
#ifdef __clang__
#define SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define SHUFFLE(x, y, ...) __builtin_shuffle(x, y, (M){__VA_ARGS__})
#endif
#else /* vectors of one entry */
typedef float float_16;
typedef double double_16;
typedef int32_t mask_float_16;
typedef int64_t mask_double_16;
#define MASKED(value, mask) ((mask) ? (value) : 0)
#endif

#endif /* ROT180_SIMD_H */
