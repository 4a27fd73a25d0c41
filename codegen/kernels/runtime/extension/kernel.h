/* What the compiled kernels of a layer are given, and what they call. Their C files include this
 * and nothing of Python; support.c, which is compiled once on a machine, is linked to each layer.
 */
#ifndef ROT180_KERNEL_H
#define ROT180_KERNEL_H

#include "contraction.h"

/* An array, as Python's buffer protocol describes it. */
typedef struct {
    char *buf;
    Int itemsize;
    int ndim;
    Int *shape, *strides;
} View;

/* An array that is computed before it is read: zeros, until a sum is added. */
typedef struct {
    View view;
    Int shape[AXES], strides[AXES];
} Intermediate;

/* A function of the layer's module: the arrays that it takes, those that it writes first, and
 * numbers. An array that it would write may be None: its buffer is NULL. */
typedef struct {
    const char *name;
    int (*compute)(View *arrays, const Int *integers, const double *reals);
    int arrays, integers, reals, written;
} Kernel;

enum { MOST_ARRAYS = 72, MOST_NUMBERS = 256 };

/* The functions of the layer; the last one has no name. */
extern const Kernel rot180_kernels[];

/* These return -1, and set Python's exception, where they fail. */
int kernel_run(Nest *nest);
int kernel_bound(Nest *nest, int loop, Int size);
int kernel_check_signals(void);
int kernel_reach(double index); /* fails if an index is as large */
int kernel_allocate(Intermediate *made, const char *name, Int itemsize, int axes, const Int *sizes);

/* Let other threads run Python until `kernel_return`. */
void *kernel_leave(void);
void kernel_return(void *state);

/* Return whether a sum of this many products is computed by plain loops. */
int kernel_small(double products);

static inline double kernel_extent(Int first, Int stop) {
    return first < stop ? (double)(stop - first) : 0;
}

static inline Int kernel_least(Int a, Int b) { return a < b ? a : b; }

static inline Int kernel_most(Int a, Int b) { return a > b ? a : b; }

/* Return the remainder of a division that rounds down. */
static inline Int kernel_modulo(Int a, Int b) { return a - rot180_floor(a, b) * b; }

/* Start the index map of an array. */
static inline void kernel_entry(Entry *e, const View *view) {
    rot180_entry(e, view->buf, view->ndim, view->shape, view->strides);
}

/* Start the index map of a factor that is 1 where 0 <= map < size, and else 0. */
static inline void kernel_inside(Entry *e, Int size) { rot180_entry(e, NULL, 1, &size, NULL); }

#endif /* ROT180_KERNEL_H */
