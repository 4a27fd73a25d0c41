/* The loops over windows. Included once for each type, with `real` and WINDOW_. */

/* Compare an entry of each window with the best so far, and keep its mark. */
static ROT180_ALWAYS void WINDOW_(compare)(real *restrict best, int32_t *restrict marks,
                                           const real *restrict from, Int step, Int lanes,
                                           int largest, int marked, int32_t mark) {
    LOOPS_SIMD(omp simd)
    for (Int q = 0; q < lanes; q++) {
        const real v = from[q * step];
        const int more = largest ? v > best[q] : v < best[q];
        const int better = more | ((v != v) & (best[q] == best[q]));
        best[q] = better ? v : best[q];
        if (marked) marks[q] = better ? mark : marks[q];
    }
}

/* Compare as above, or set the best where there is none yet. */
static ROT180_ALWAYS void WINDOW_(take)(real *restrict best, int32_t *restrict marks,
                                        const real *restrict from, Int step, Int lanes, int largest,
                                        int marked, int32_t mark, int first) {
    if (!first) {
        if (step == 1) WINDOW_(compare)(best, marks, from, 1, lanes, largest, marked, mark);
        else WINDOW_(compare)(best, marks, from, step, lanes, largest, marked, mark);
        return;
    }
    LOOPS_SIMD(omp simd)
    for (Int q = 0; q < lanes; q++) best[q] = from[q * step];
    if (!marked) return;
    LOOPS_SIMD(omp simd)
    for (Int q = 0; q < lanes; q++) marks[q] = mark;
}

/* Copy every second entry, in whole vectors; twice as many are read. */
static ROT180_ALWAYS void WINDOW_(halve)(real *restrict to, const real *restrict from, Int lanes) {
#if defined(__GNUC__)
    enum { WIDE = 64 / sizeof(real) };
    typedef real vector __attribute__((vector_size(64), aligned(sizeof(real)), may_alias));
    for (Int q = 0; q < lanes; q += WIDE) {
        const vector low = *(const vector *)(from + 2 * q);
        const vector high = *(const vector *)(from + 2 * q + WIDE);
        *(vector *)(to + q) = WINDOW_EVEN(low, high);
    }
#else
    for (Int q = 0; q < lanes; q++) to[q] = from[2 * q];
#endif
}

/* Find the extreme entries of a row of windows; a mark is the number of an entry in its window. */
static WINDOW_APART void WINDOW_(find)(const Windows *w, const WindowMap *map, const Int *sizes,
                                       const real *array, Int lanes, int inside, real *best,
                                       int32_t *marks) {
    const Int step = w->kept ? map->step[w->kept - 1] : 0;
    Int t[WINDOW_LOOPS] = {0};
    int32_t number = 0;
    real padded[WINDOW_LANES];
    do {
        const Int from = window_place(map, t);
        const real *entries = padded;
        Int first = 0, stop = lanes, by = 1;
        if (!inside) window_cut(map, t, &first, &stop);
        if (first == 0 && stop == lanes) {
            entries = array + from, by = step;
        } else {
            for (Int q = 0; q < lanes; q++)
                padded[q] = q >= first && q < stop ? array[window_wrapped(from, q, step)] : 0;
        }
        WINDOW_(take)(best, marks, entries, by, lanes, w->largest, w->places > 0, number, !number);
        number++;
    } while (window_next(t, sizes + w->kept, w->chosen));
}

/* Find the same where all entries are inside the array, with the marks of small windows. What is
 * beyond the last lane is not used: whole vectors are read if they are in the array. */
static ROT180_ALWAYS void WINDOW_(find_inside)(const Windows *w, const WindowMap *map,
                                               const WindowEntries *e, const real *array, Int size,
                                               Int lanes, real *best, int32_t *marks) {
    const Int step = w->kept ? map->step[w->kept - 1] : 0;
    const Int whole = (lanes + WINDOW_VECTOR - 1) / WINDOW_VECTOR * WINDOW_VECTOR;
    const Int far = map->origin + step * (whole - 1) + (step == 2);
    int full = map->origin >= 0 && far >= 0;
    for (int n = 0; n < e->count; n++) {
        full &= map->origin + e->from[n] < size && far + e->from[n] < size;
        full &= e->from[n] >= 0;
    }
    for (int n = 0; n < e->count; n++) {
        const real *from = array + map->origin + e->from[n];
        real even[WINDOW_LANES];
        Int by = step;
        if (full && step == 2) {
            WINDOW_(halve)(even, from, whole);
            from = even, by = 1;
        }
        WINDOW_(take)
        (best, marks, from, by, full ? whole : lanes, w->largest, w->places > 0, e->mark[n], !n);
    }
}

/* Add a value at the entry of a window with a number; its product with 0, which is NaN, at all
 * others if it is not finite. */
static WINDOW_APART void WINDOW_(add)(const WindowMap *places, const Int *sizes, Int lane,
                                      int32_t mark, real value, int finite, real *out) {
    const Int step = places->kept ? places->step[places->kept - 1] : 0;
    Int t[WINDOW_LOOPS] = {0}, number = finite ? mark : 0;
    for (Int n = places->chosen - 1, rest = number; n >= 0; n--) {
        t[n] = rest % sizes[places->kept + n];
        rest /= sizes[places->kept + n];
    }
    do {
        Int first = lane, stop = lane + 1;
        window_cut(places, t, &first, &stop);
        if (first < stop)
            out[window_wrapped(window_place(places, t), lane, step)] +=
                number == mark ? value : value * 0;
        number++;
    } while (!finite && window_next(t, sizes + places->kept, places->chosen));
}

/* Add the values of a row of windows at the marked entries. */
static ROT180_ALWAYS void WINDOW_(scatter)(const WindowMap *places, const Int *sizes, Int lanes,
                                           const int32_t *marks, const real *values, int direct,
                                           int finite, real *out) {
    const Int step = places->kept ? places->step[places->kept - 1] : 0;
    for (Int q = 0; q < lanes; q++) {
        if (direct) out[places->origin + marks[q] + q * step] += values[q];
        else WINDOW_(add)(places, sizes, q, marks[q], values[q], finite, out);
    }
}

/* Multiply the factors of a row of windows; return whether all products are finite. */
static ROT180_ALWAYS int WINDOW_(products)(const Windows *w, const View *arrays, const Int *strides,
                                           const Int *at, Int lanes, real *values) {
    const int last = w->kept - 1;
    const Int whole = (lanes + WINDOW_VECTOR - 1) / WINDOW_VECTOR * WINDOW_VECTOR;
    int infinite = 0;
    LOOPS_SIMD(omp simd)
    for (Int q = 0; q < whole; q++) values[q] = (real)w->scale;
    for (int f = 0; f < w->factors; f++) {
        const real *factor = (const real *)arrays[1 + f].buf;
        const Int *by = strides + f * w->kept, step = last < 0 ? 0 : by[last];
        for (int n = 0; n <= last; n++) factor += at[n] * by[n];
        LOOPS_SIMD(omp simd)
        for (Int q = 0; q < lanes; q++) values[q] *= factor[q * step];
    }
    LOOPS_SIMD(omp simd reduction(| : infinite))
    for (Int q = 0; q < whole; q++) infinite |= values[q] * 0 != 0; /* NaN, too */
    return !infinite;
}

/* Compute a pass. */
static ROT180_ALWAYS int WINDOW_(run)(const Windows *w, LOOPS_ARGUMENTS) {
    const int last = w->kept - 1, loops = w->kept + w->chosen;
    const Int *sizes = integers, *maps = integers + loops;
    const Int *strides = maps + (w->axes + w->places) * (1 + loops);
    const View *source = &arrays[1 + w->factors];
    const real *array = (const real *)source->buf;
    const Int lanes = last < 0 ? 1 : sizes[last];
    Int at[WINDOW_LOOPS] = {0}, windows = 1, size = 1;
    double entries = 1;
    real *out = (real *)arrays[0].buf, best[WINDOW_LANES], values[WINDOW_LANES];
    int32_t marks[WINDOW_LANES];
    WindowMap map, places;
    WindowEntries small;
    int same = 0;
    void *state;
    double far = window_map(&map, w->axes, w, sizes, maps, source);
    (void)reals;
    if (w->places) {
        const Int *others = maps + w->axes * (1 + loops);
        const double other = window_map(&places, w->places, w, sizes, others, &arrays[0]);
        far = other > far ? other : far;
        same = window_same(&map, &places);
    }
    for (int n = 0; n < w->axes; n++) size *= source->shape[n];
    for (int n = 0; n < w->kept; n++) windows *= sizes[n];
    for (int n = 0; n < w->chosen; n++) entries *= (double)sizes[w->kept + n];
    if (!windows || !out || (!entries && w->places)) return 0;
    if (!entries) {
        memset(out, 0, (size_t)windows * sizeof(real));
        return 0;
    }
    if (kernel_reach(entries < INT32_MAX ? far : (double)ENDLESS)) return -1;
    window_entries(&small, &map, w->places ? &places : NULL, sizes);
    state = kernel_leave();
    do {
        for (Int q0 = 0; q0 < lanes; q0 += WINDOW_LANES) {
            const Int count = kernel_least(WINDOW_LANES, lanes - q0);
            if (last >= 0) at[last] = q0;
            const int inside = window_begin(&map, at, count);
            int direct = inside && small.count, finite = 1;
            if (w->places) {
                finite = WINDOW_(products)(w, arrays, strides, at, count, values);
                const int within = same ? inside : window_begin(&places, at, count);
                if (same) window_copy(&places, &map);
                direct = direct && finite && within;
            }
            if (direct) WINDOW_(find_inside)(w, &map, &small, array, size, count, best, marks);
            else WINDOW_(find)(w, &map, sizes, array, count, inside, best, marks);
            if (!w->places) {
                memcpy(out, best, (size_t)count * sizeof(real));
                out += count;
            } else {
                WINDOW_(scatter)(&places, sizes, count, marks, values, direct, finite, out);
            }
        }
        if (last >= 0) at[last] = 0;
    } while (window_next(at, sizes, last));
    kernel_return(state);
    return 0;
}
