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

/* Find the same where all entries are inside the array, with the marks of small windows. */
static ROT180_ALWAYS void WINDOW_(find_inside)(const Windows *w, const WindowMap *map,
                                               const WindowEntries *e, const real *array, Int lanes,
                                               real *best, int32_t *marks) {
    const Int step = w->kept ? map->step[w->kept - 1] : 0;
    for (int n = 0; n < e->count; n++) WINDOW_(take)
    (best, marks, array + map->origin + e->from[n], step, lanes, w->largest, w->places > 0,
     e->mark[n], !n);
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
    int infinite = 0;
    LOOPS_SIMD(omp simd)
    for (Int q = 0; q < lanes; q++) values[q] = (real)w->scale;
    for (int f = 0; f < w->factors; f++) {
        const real *factor = (const real *)arrays[1 + f].buf;
        const Int *by = strides + f * w->kept, step = last < 0 ? 0 : by[last];
        for (int n = 0; n <= last; n++) factor += at[n] * by[n];
        LOOPS_SIMD(omp simd)
        for (Int q = 0; q < lanes; q++) values[q] *= factor[q * step];
    }
    LOOPS_SIMD(omp simd reduction(| : infinite))
    for (Int q = 0; q < lanes; q++) infinite |= values[q] * 0 != 0; /* NaN, too */
    return !infinite;
}

/* Compute a row of windows, or a part of it. */
static ROT180_ALWAYS void WINDOW_(row)(const Windows *w, WINDOW_(Pass) * p, const Int *at,
                                       Int count) {
    const int last = w->kept - 1;
    real best[WINDOW_LANES], values[WINDOW_LANES];
    int32_t marks[WINDOW_LANES];
    int direct, finite = 1;
    WINDOW_(begin)(w, p, at, 1, count);
    if (w->places) finite = WINDOW_(products)(w, p->arrays, p->strides, at, count, values);
    direct = p->inside && p->within && p->small.count && finite;
    if (direct) WINDOW_(find_inside)(w, &p->map, &p->small, p->array, count, best, marks);
    else WINDOW_(find)(w, &p->map, p->sizes, p->array, count, p->inside, best, marks);
    if (!w->places) {
        memcpy(p->out, best, (size_t)count * sizeof(real));
        p->out += count;
    } else {
        WINDOW_(scatter)
        (&p->places, p->sizes, count, marks, values, direct, finite, p->out);
    }
}

/* Compute rows of windows: vectors, or one row after another. */
static ROT180_ALWAYS void WINDOW_(rows)(const Windows *w, WINDOW_(Pass) * p, Int *at, Int rows,
                                        Int lanes) {
    const int last = w->kept - 1;
#if defined(__GNUC__)
    WINDOW_(Factor) factors[WINDOW_FACTORS];
    WINDOW_(begin)(w, p, at, rows, lanes);
    if (WINDOW_(has_vectors)(w, p, at, rows, lanes, factors) &&
        WINDOW_(are_finite)(w, factors, rows, lanes)) {
        WINDOW_(vectors)(w, p, factors, rows, lanes);
        return;
    }
#endif
    for (Int r = 0; r < rows; r++)
        for (Int q = 0; q < lanes; q += WINDOW_LANES) {
            if (last > 0) at[last - 1] = r;
            if (last >= 0) at[last] = q;
            WINDOW_(row)(w, p, at, kernel_least(WINDOW_LANES, lanes - q));
        }
    if (last > 0) at[last - 1] = 0;
    if (last >= 0) at[last] = 0;
}

/* Compute a pass. */
static ROT180_ALWAYS int WINDOW_(run)(const Windows *w, LOOPS_ARGUMENTS) {
    const int last = w->kept - 1, loops = w->kept + w->chosen, outer = last < 1 ? 0 : last - 1;
    const Int *sizes = integers, *maps = integers + loops;
    const Int lanes = last < 0 ? 1 : sizes[last], rows = last < 1 ? 1 : sizes[last - 1];
    const View *source = &arrays[1 + w->factors];
    Int at[WINDOW_LOOPS] = {0}, windows = 1;
    double entries = 1, far;
    WINDOW_(Pass) p;
    void *state;
    p.arrays = arrays, p.sizes = sizes;
    p.strides = maps + (w->axes + w->places) * (1 + loops);
    p.array = (const real *)source->buf, p.out = (real *)arrays[0].buf;
    p.size = p.end = 1, p.written = 0, p.same = 0;
    far = window_map(&p.map, w->axes, w, sizes, maps, source);
    (void)reals;
    if (w->places) {
        const Int *others = maps + w->axes * (1 + loops);
        const double other = window_map(&p.places, w->places, w, sizes, others, &arrays[0]);
        far = other > far ? other : far;
        p.same = window_same(&p.map, &p.places);
    }
    for (int n = 0; n < w->axes; n++) p.size *= source->shape[n];
    for (int n = 0; n < w->kept; n++) windows *= sizes[n];
    for (int n = 0; n < w->chosen; n++) entries *= (double)sizes[w->kept + n];
    if (!p.out) return 0;
    for (int n = 0; n < arrays[0].ndim; n++) p.end *= arrays[0].shape[n];
    if (!windows || !entries || !p.end) {
        memset(p.out, 0, (size_t)p.end * sizeof(real));
        return 0;
    }
    if (kernel_reach(entries < INT32_MAX ? far : (double)ENDLESS)) return -1;
    window_entries(&p.small, &p.map, w->places ? &p.places : NULL, sizes);
    state = kernel_leave();
    do WINDOW_(rows)(w, &p, at, rows, lanes);
    while (window_next(at, sizes, outer));
    if (w->places && p.end > p.written)
        memset(p.out + p.written, 0, (size_t)(p.end - p.written) * sizeof(real));
    kernel_return(state);
    return 0;
}
