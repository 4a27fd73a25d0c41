/* What the loops of a program are written with: each is compiled for every instruction set, and the
 * best that the processor has is called. */
#ifndef ROT180_LOOPS_H
#define ROT180_LOOPS_H

/* Let -O2 also compute in vectors what is left of a sum after its loop. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("vect-cost-model=dynamic")
#endif

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define ROT180_ALWAYS inline __attribute__((always_inline))
#define LOOPS_SIMD(text) _Pragma(#text)
#else
#define ROT180_ALWAYS inline
#define LOOPS_SIMD(text)
#endif

#define LOOPS_ARGUMENTS View *arrays, const Int *integers, const double *reals
#define LOOPS_CALL arrays, integers, reals
#if defined(__x86_64__) && defined(__GNUC__)
#define LOOPS_FOR(word)                                                                     \
    __attribute__((target("avx2,fma"))) static int word##_avx2(LOOPS_ARGUMENTS) {           \
        return word(LOOPS_CALL);                                                            \
    }                                                                                       \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx2,fma"))) static int word##_avx512( \
        LOOPS_ARGUMENTS) {                                                                  \
        return word(LOOPS_CALL);                                                            \
    }                                                                                       \
    static int word##_baseline(LOOPS_ARGUMENTS) { return word(LOOPS_CALL); }                \
    static int word##_best(LOOPS_ARGUMENTS) {                                               \
        if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))       \
            return word##_avx512(LOOPS_CALL);                                               \
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))                \
            return word##_avx2(LOOPS_CALL);                                                 \
        return word##_baseline(LOOPS_CALL);                                                 \
    }
#else
#define LOOPS_FOR(word) \
    static int word##_best(LOOPS_ARGUMENTS) { return word(LOOPS_CALL); }
#endif

/* Define the search for the first largest or smallest entry of a row; NaN is both. */
#define LOOPS_FIRST(real)                                                                   \
    static ROT180_ALWAYS Int rot180_first_##real(const real *row, Int count, int largest) { \
        enum { BLOCK = 64 };                                                                \
        real best = largest ? -(real)INFINITY : (real)INFINITY;                             \
        int unordered = 0;                                                                  \
        Int at = 0;                                                                         \
        if (largest) {                                                                      \
            LOOPS_SIMD(omp simd reduction(max : best) reduction(| : unordered))             \
            for (Int i = 0; i < count; i++) {                                               \
                best = row[i] > best ? row[i] : best;                                       \
                unordered |= row[i] != row[i];                                              \
            }                                                                               \
        } else {                                                                            \
            LOOPS_SIMD(omp simd reduction(min : best) reduction(| : unordered))             \
            for (Int i = 0; i < count; i++) {                                               \
                best = row[i] < best ? row[i] : best;                                       \
                unordered |= row[i] != row[i];                                              \
            }                                                                               \
        }                                                                                   \
        for (; !unordered && at + BLOCK <= count; at += BLOCK) {                            \
            int found = 0;                                                                  \
            LOOPS_SIMD(omp simd reduction(| : found))                                       \
            for (int i = 0; i < BLOCK; i++) found |= row[at + i] == best;                   \
            if (found) break;                                                               \
        }                                                                                   \
        while (at < count && !(unordered ? row[at] != row[at] : row[at] == best)) at++;     \
        return at;                                                                          \
    }

#endif /* ROT180_LOOPS_H */
