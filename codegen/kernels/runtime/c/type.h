/* The names of what is written once and compiled for float and for double: NAME(word) is
 * word_float or word_double, T the type. An editor that opens such a header by itself reads it for
 * float. */
#ifndef ROT180_TYPE_H
#define ROT180_TYPE_H

#ifndef ROT180_TYPE
#define ROT180_TYPE float
#define ROT180_SIZE 4
#endif

#define T ROT180_TYPE
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(word) JOIN(word, ROT180_TYPE)
#define TYPE(word) NAME(word) /* of types */
#define BITS NAME(bits)       /* the unsigned integer of as many bits */

/* The same for an instruction set, ROT180_SET, a name of simd.h: the length of its vectors, their
 * type, the type of their masks, the attribute of functions that use it, and the names of such
 * functions. */
#define ROT180_BYTES JOIN(BYTES, ROT180_SET)
#define V JOIN(ROT180_TYPE, ROT180_BYTES)
#define M JOIN(JOIN(mask, ROT180_TYPE), ROT180_BYTES)
#define TARGET JOIN(TARGET, ROT180_SET)
#define KERNEL(word, set) JOIN(NAME(word), set)
#define FN(word) KERNEL(word, ROT180_SET)
#define NARROWER JOIN(NARROWER, ROT180_SET)

#endif /* ROT180_TYPE_H */
