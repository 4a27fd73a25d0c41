/* The loops over windows. Included once for each type, with `real` and WINDOW_. */

/* Compare an entry of each window with the best so far, and keep its mark. */
static ROT180_ALWAYS void WINDOW_(compare)(real *restrict best, Int *restrict marks,
                                           const real *restrict from, Int step, Int lanes,
                                           int largest, int marked, Int mark) {
    LOOPS_SIMD(omp simd)
    for (Int q = 0; q < lanes; q++) {
        const real v = from[q * step];
        const int better =
            (largest ? v > best[q] : v < best[q]) | ((v != v) & (best[q] == best[q]));
        best[q] = better ? v : best[q];
        if (marked) marks[q] = better ? mark : marks[q];
    }
}

/* Find the extreme entries of a row of windows. A mark is the number of an entry in its window, or
 * its place in the output for the first lane if all entries are inside, and so given `places`. */
static ROT180_ALWAYS void WINDOW_(find)(const Windows *w, const WindowMap *map,
                                        const WindowMap *places, const Int *sizes,
                                        const real *array, Int lanes, int inside, real *best,
                                        Int *marks) {
    const Int step = w->kept ? map->step[w->kept - 1] : 0;
    const int marked = w->places > 0;
    Int t[WINDOW_LOOPS] = {0}, number = 0;
    real padded[WINDOW_LANES];
    do {
        const Int mark = places ? window_place(places, t) : number;
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
        if (number == 0) {
            for (Int q = 0; q < lanes; q++) best[q] = entries[q * by];
            for (Int q = 0; q < lanes && marked; q++) marks[q] = mark;
        } else if (by == 1) {
            WINDOW_(compare)(best, marks, entries, 1, lanes, w->largest, marked, mark);
        } else if (by == 2) {
            WINDOW_(compare)(best, marks, entries, 2, lanes, w->largest, marked, mark);
        } else {
            WINDOW_(compare)(best, marks, entries, by, lanes, w->largest, marked, mark);
        }
        number++;
    } while (window_next(t, sizes + w->kept, w->chosen));
}

/* Add a value at the entry of a window with a number, and its product with 0 at all others. */
static ROT180_ALWAYS void WINDOW_(add)(const WindowMap *places, const Int *sizes, Int lane,
                                       Int mark, real value, real *out) {
    const Int step = places->kept ? places->step[places->kept - 1] : 0;
    Int t[WINDOW_LOOPS] = {0}, number = 0;
    do {
        Int first = lane, stop = lane + 1;
        window_cut(places, t, &first, &stop);
        if (first < stop)
            out[window_wrapped(window_place(places, t), lane, step)] +=
                number == mark ? value : value * 0;
        number++;
    } while (window_next(t, sizes + places->kept, places->chosen));
}

/* Add the products of factors at the extreme entries of a row of windows. */
static ROT180_ALWAYS void WINDOW_(scatter)(const Windows *w, const WindowMap *map,
                                           const WindowMap *places, const Int *sizes,
                                           const View *arrays, const Int *strides, const Int *at,
                                           Int lanes, int inside, int within) {
    const real *array = (const real *)arrays[1 + w->factors].buf;
    const int last = w->kept - 1;
    const Int step = last < 0 ? 0 : places->step[last];
    real *restrict out = (real *)arrays[0].buf;
    real best[WINDOW_LANES], values[WINDOW_LANES], sum = 0;
    Int marks[WINDOW_LANES];
    for (Int q = 0; q < lanes; q++) values[q] = (real)w->scale;
    for (int f = 0; f < w->factors; f++) {
        const real *factor = (const real *)arrays[1 + f].buf;
        const Int *by = strides + f * w->kept;
        for (int n = 0; n <= last; n++) factor += at[n] * by[n];
        for (Int q = 0; q < lanes; q++) values[q] *= factor[last < 0 ? 0 : q * by[last]];
    }
    LOOPS_SIMD(omp simd reduction(+ : sum))
    for (Int q = 0; q < lanes; q++) sum += values[q] * 0; /* NaN if one is not finite */
    const int direct = within && sum == 0;
    WINDOW_(find)(w, map, direct ? places : NULL, sizes, array, lanes, inside, best, marks);
    for (Int q = 0; q < lanes; q++) {
        if (direct) out[marks[q] + q * step] += values[q];
        else WINDOW_(add)(places, sizes, q, marks[q], values[q], out);
    }
}

/* Compute a pass. */
static ROT180_ALWAYS int WINDOW_(run)(const Windows *w, LOOPS_ARGUMENTS) {
    const int last = w->kept - 1, loops = w->kept + w->chosen;
    const Int *sizes = integers, *maps = integers + loops;
    const Int *strides = maps + (w->axes + w->places) * (1 + loops);
    const View *source = &arrays[1 + w->factors];
    const Int lanes = last < 0 ? 1 : sizes[last];
    Int at[WINDOW_LOOPS] = {0}, windows = 1, entries = 1, marks[1];
    real *out = (real *)arrays[0].buf;
    WindowMap map, places;
    void *state;
    double far = window_map(&map, w->axes, w, sizes, maps, source);
    (void)reals;
    if (w->places) {
        const Int *others = maps + w->axes * (1 + loops);
        const double other = window_map(&places, w->places, w, sizes, others, &arrays[0]);
        far = other > far ? other : far;
    }
    for (int n = 0; n < w->kept; n++) windows *= sizes[n];
    for (int n = 0; n < w->chosen; n++) entries *= sizes[w->kept + n] > 0;
    if (!windows || !out || (!entries && w->places)) return 0;
    if (!entries) {
        memset(out, 0, (size_t)windows * sizeof(real));
        return 0;
    }
    if (kernel_reach(far)) return -1;
    state = kernel_leave();
    do {
        for (Int q0 = 0; q0 < lanes; q0 += WINDOW_LANES) {
            const Int count = kernel_least(WINDOW_LANES, lanes - q0);
            if (last >= 0) at[last] = q0;
            const int inside = window_begin(&map, at, count);
            if (w->places) {
                const int within = window_begin(&places, at, count);
                WINDOW_(scatter)
                (w, &map, &places, sizes, arrays, strides, at, count, inside, within);
            } else {
                WINDOW_(find)
                (w, &map, NULL, sizes, (const real *)source->buf, count, inside, out, marks);
                out += count;
            }
        }
        if (last >= 0) at[last] = 0;
    } while (window_next(at, sizes, last));
    kernel_return(state);
    return 0;
}
