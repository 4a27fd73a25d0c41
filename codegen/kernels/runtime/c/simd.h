/* Processors and their vectors: the instruction sets that kernels are compiled for, the best one
 * that this processor has, and vector types of 16, 32 and 64 bytes. */
#ifndef ROT180_SIMD_H
#define ROT180_SIMD_H

#include <stdint.h>

typedef uint32_t bits_float;
typedef uint64_t bits_double;

/* The instruction sets of an architecture, the best last. Each has the bytes of a vector, the
 * number of its registers, the attribute of functions that use it, and the next lesser set; the
 * least is `scalar`, which has no vectors. */
#define BYTES_scalar 0
#define BYTES_baseline 16
#define REGISTERS_baseline 16
#define TARGET_baseline
#define NARROWER_baseline scalar
#if defined(__x86_64__) && defined(__GNUC__)
#define ROT180_X86 1
enum { BASELINE, AVX2, AVX512, ISAS };
enum { IN_HALVES = AVX512, HALVES = AVX2 }; /* a set with long vectors, one of half as long */
#define ISA_NAMES "baseline", "avx2", "avx512"
#define BYTES_avx2 32
#define REGISTERS_avx2 16
#define TARGET_avx2 __attribute__((target("avx2,fma")))
#define NARROWER_avx2 baseline
#define BYTES_avx512 64
#define REGISTERS_avx512 32
#define TARGET_avx512 __attribute__((target("avx512f,avx512vl,avx2,fma")))
#define NARROWER_avx512 avx2
#elif defined(__aarch64__) && defined(__GNUC__)
#define ROT180_ARM 1
enum { BASELINE, NEON, ISAS };
#define ISA_NAMES "baseline", "neon"
#define BYTES_neon 16
#define REGISTERS_neon 32
#define TARGET_neon
#define IN_ORDER __asm__ volatile("")
#define NARROWER_neon baseline
#else
enum { BASELINE, ISAS };
#define ISA_NAMES "baseline"
#endif
#ifndef ROT180_X86
enum { IN_HALVES = ISAS, HALVES = BASELINE }; /* none */
#endif
/* What stands after it is not loaded before it: tiles.py says where registers would not do. */
#ifndef IN_ORDER
#define IN_ORDER
#endif

/* The bytes of an instruction set's vectors. */
static inline int vector_bytes(int isa) {
#ifdef ROT180_X86
    return isa == AVX512 ? 64 : isa == AVX2 ? 32 : 16;
#else
    (void)isa;
    return 16;
#endif
}

/* Whether it has 32 vector registers rather than 16: tiles are larger. */
static inline int has_many_registers(int isa) {
#ifdef ROT180_X86
    return isa == AVX512;
#else
    return isa != BASELINE;
#endif
}

/* The best instruction set that this processor has. */
static int rot180_best(void) {
#ifdef ROT180_X86
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) return AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return AVX2;
    return BASELINE;
#else
    return ISAS - 1; /* every processor of the architecture has it */
#endif
}

/* Its name, as users write it. */
static inline const char *rot180_isa_name(int isa) {
    static const char *const names[ISAS] = {ISA_NAMES};
    return names[isa];
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
