/* The extreme entry of each window of an array, and what is added at its place. Windows are read
 * where they lie: an index is constant + sum of slopes * loops, and an entry outside the array is
 * 0. NaN is more extreme than any number; of equal entries the first one counts. */
#ifndef ROT180_WINDOWS_H
#define ROT180_WINDOWS_H

#include "loops.h"

enum { WINDOW_LOOPS = 16, WINDOW_LANES = 128, WINDOW_ENTRIES = 64, WINDOW_FACTORS = 4 };

#if defined(__clang__)
#define WINDOW_SHUFFLE(a, b, whole, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#elif defined(__GNUC__)
#define WINDOW_SHUFFLE(a, b, whole, ...) \
    __builtin_shuffle(a, b, (whole __attribute__((vector_size(64)))){__VA_ARGS__})
#endif

/* Windows at the border of an array are rare: their code is compiled once. */
#if defined(__GNUC__)
#define WINDOW_APART __attribute__((noinline))
#else
#define WINDOW_APART
#endif

/* What a pass is.
 *
 * The arrays are the output, then factors, then the array of the windows. The numbers are the sizes
 * of the loops over windows, those of the loops in a window, then for each axis of the array, and
 * of the output if it is added to: constant, slopes. Then the strides of each factor. */
typedef struct {
    int kept, chosen; /* loops over windows, loops in a window */
    int axes, places; /* axes of the array, and of the output; 0 places if extremes are returned */
    int factors, largest;
    double scale;
} Windows;

typedef struct {
    Int constant, slope[WINDOW_LOOPS], size, stride;
    Int base;        /* the index at the first lane of a window's first entry */
    Int least, most; /* of what the loops in a window add */
} WindowAxis;

/* Where windows lie in an array. Places may wrap around where no entry is inside of it. */
typedef struct {
    int axes, kept, chosen;
    WindowAxis axis[WINDOW_LOOPS];
    Int step[WINDOW_LOOPS]; /* what a loop adds to the place */
    Int origin;             /* the place of the base */
    Int end;                /* no place inside the array is as large */
} WindowMap;

static inline Int window_wrapped(Int sum, Int a, Int b) {
    return (Int)((size_t)sum + (size_t)a * (size_t)b);
}

/* Read a map; return the largest index that there could be. */
static inline double window_map(WindowMap *map, int axes, const Windows *w, const Int *sizes,
                                const Int *numbers, const View *view) {
    const int loops = w->kept + w->chosen;
    double most = 0;
    Int stride = 1;
    map->axes = axes, map->kept = w->kept, map->chosen = w->chosen;
    for (int n = 0; n < loops; n++) map->step[n] = 0;
    for (int a = axes - 1; a >= 0; a--) {
        const Int *from = numbers + a * (1 + loops);
        WindowAxis *axis = &map->axis[a];
        double reach = from[0] < 0 ? -(double)from[0] : (double)from[0];
        axis->constant = from[0];
        axis->size = view->shape[a];
        axis->stride = stride;
        stride *= axis->size;
        axis->least = axis->most = 0;
        for (int n = 0; n < loops; n++) {
            const double far = (double)from[1 + n] * (double)sizes[n];
            reach += far < 0 ? -far : far;
            axis->slope[n] = from[1 + n];
            map->step[n] = window_wrapped(map->step[n], axis->stride, from[1 + n]);
        }
        if (reach > most) most = reach;
        for (int n = w->kept; n < loops && reach < (double)ENDLESS; n++) {
            const Int far = axis->slope[n] * (sizes[n] - 1);
            if (far < 0) axis->least += far;
            else axis->most += far;
        }
    }
    return most;
}

/* The entries of a small window: places in the array, and in the output, less those of the first.
 */
typedef struct {
    int count; /* 0 for a large window */
    Int most;  /* of `from` */
    Int from[WINDOW_ENTRIES];
    int32_t mark[WINDOW_ENTRIES];
} WindowEntries;

/* Set where the first window of some rows begins; return whether all entries of all lanes are
 * inside the array. */
static inline int window_begin(WindowMap *map, const Int *at, Int rows, Int lanes) {
    const int last = map->kept - 1;
    int inside = 1;
    map->origin = map->end = 0;
    for (int a = 0; a < map->axes; a++) {
        WindowAxis *axis = &map->axis[a];
        Int low, high;
        axis->base = axis->constant;
        for (int n = 0; n <= last; n++) axis->base += axis->slope[n] * at[n];
        map->origin = window_wrapped(map->origin, axis->stride, axis->base);
        low = high = axis->base;
        for (int n = last; n >= 0 && n >= last - 1; n--) {
            const Int far = axis->slope[n] * ((n == last ? lanes : rows) - 1);
            if (far < 0) low += far;
            else high += far;
        }
        low += axis->least, high += axis->most;
        inside &= low >= 0 && high < axis->size;
        map->end += axis->stride * kernel_most(0, kernel_least(high, axis->size - 1));
    }
    map->end++;
    return inside;
}

/* Return the place of an entry, `t`, of the first lane's window. */
static inline Int window_place(const WindowMap *map, const Int *t) {
    Int place = map->origin;
    for (int n = 0; n < map->chosen; n++)
        place = window_wrapped(place, map->step[map->kept + n], t[n]);
    return place;
}

/* Cut the lanes to those whose entry is inside the array. */
static inline void window_cut(const WindowMap *map, const Int *t, Int *first, Int *stop) {
    for (int a = 0; a < map->axes; a++) {
        const WindowAxis *axis = &map->axis[a];
        Int index = axis->base;
        for (int n = 0; n < map->chosen; n++) index += axis->slope[map->kept + n] * t[n];
        rot180_clip(map->kept ? axis->slope[map->kept - 1] : 0, index, axis->size, first, stop);
    }
}

/* Let windows begin where they do in an array with the same map. */
static inline void window_copy(WindowMap *to, const WindowMap *from) {
    to->origin = from->origin, to->end = from->end;
    for (int a = 0; a < from->axes; a++) to->axis[a].base = from->axis[a].base;
}

/* Return whether two arrays have the same map and the same sizes. */
static inline int window_same(const WindowMap *a, const WindowMap *b) {
    int same = a->axes == b->axes;
    for (int n = 0; n < a->axes && same; n++) {
        same = a->axis[n].constant == b->axis[n].constant && a->axis[n].size == b->axis[n].size;
        for (int i = 0; i < a->kept + a->chosen; i++)
            same &= a->axis[n].slope[i] == b->axis[n].slope[i];
    }
    return same;
}

/* Go to the next values of loops; return 0 after the last ones. */
static inline int window_next(Int *at, const Int *sizes, int loops) {
    for (int n = loops - 1; n >= 0; n--) {
        if (++at[n] < sizes[n]) return 1;
        at[n] = 0;
    }
    return 0;
}

/* Find the entries of a window, if it is small and its marks have 31 bits. */
static inline void window_entries(WindowEntries *found, const WindowMap *map,
                                  const WindowMap *places, const Int *sizes) {
    Int t[WINDOW_LOOPS] = {0};
    int count = 0;
    found->count = 0, found->most = 0;
    do {
        Int from = 0, mark = count;
        for (int n = 0; n < map->chosen; n++) {
            from = window_wrapped(from, map->step[map->kept + n], t[n]);
            if (places) mark = n ? mark : 0;
            if (places) mark = window_wrapped(mark, places->step[map->kept + n], t[n]);
        }
        if (count == WINDOW_ENTRIES || mark > INT32_MAX || mark < -INT32_MAX) return;
        found->most = kernel_most(found->most, from);
        found->from[count] = from;
        found->mark[count++] = (int32_t)mark;
    } while (window_next(t, sizes + map->kept, map->chosen));
    found->count = count;
}

#endif /* ROT180_WINDOWS_H */
