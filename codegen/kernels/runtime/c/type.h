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

/* The same for a length of vectors, ROT180_BYTES: the type, the type of its masks, the attribute of
 * functions that use it, and the names of such functions. */
#define V JOIN(ROT180_TYPE, ROT180_BYTES)
#define M JOIN(JOIN(mask, ROT180_TYPE), ROT180_BYTES)
#define TARGET JOIN(TARGET, ROT180_BYTES)
#define KERNEL(word, bytes) JOIN(NAME(word), bytes)
#define FN(word) KERNEL(word, ROT180_BYTES)
#define NARROWER JOIN(NARROWER, ROT180_BYTES) /* the next lesser length; 1: no vectors */
#define NARROWER_16 1
#define NARROWER_32 16
#define NARROWER_64 32

#endif /* ROT180_TYPE_H */
