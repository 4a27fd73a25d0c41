/* Windows whose entries are inside the array, a vector at a time, and what all windows of a pass
 * share. Included once for each type, with `real`, the integer `bits` of its size and WINDOW_. */

/* A pass while it is computed. */
typedef struct {
    const View *arrays;
    const Int *sizes, *strides;
    const real *array;
    real *out;
    Int size, end, written; /* of the array, of the output; entries of it that are not unset */
    WindowMap map, places;
    WindowEntries small;
    int same, inside, within; /* the maps are the same; all entries, all places are inside */
} WINDOW_(Pass);

/* Let windows begin at a place of their loops; write zeros as far as they will be added to. */
static ROT180_ALWAYS void WINDOW_(begin)(const Windows *w, WINDOW_(Pass) * p, const Int *at,
                                         Int rows, Int lanes) {
    p->inside = p->within = window_begin(&p->map, at, rows, lanes);
    if (!w->places) return;
    if (p->same) window_copy(&p->places, &p->map);
    else p->within = window_begin(&p->places, at, rows, lanes);
    if (p->places.end > p->written) {
        memset(p->out + p->written, 0, (size_t)(p->places.end - p->written) * sizeof(real));
        p->written = p->places.end;
    }
}

#if defined(__GNUC__)
enum { WINDOW_(WIDE) = 64 / sizeof(real) };
typedef real WINDOW_(Vector) __attribute__((vector_size(64), aligned(sizeof(real)), may_alias));

/* A factor of the values that are added: where it begins, its steps along rows and lanes. */
typedef struct {
    const real *data;
    Int down, along;
} WINDOW_(Factor);

/* Find where factors are read; return whether whole vectors are inside all arrays. */
static ROT180_ALWAYS int WINDOW_(has_vectors)(const Windows *w, const WINDOW_(Pass) * p,
                                              const Int *at, Int rows, Int lanes,
                                              WINDOW_(Factor) * factors) {
    const int last = w->kept - 1;
    const Int whole = (lanes + WINDOW_(WIDE) - 1) / WINDOW_(WIDE) * WINDOW_(WIDE);
    const Int step = last < 0 ? 0 : p->map.step[last];
    const Int down = last < 1 ? 0 : p->map.step[last - 1];
    Int far = p->map.origin + kernel_most(0, down * (rows - 1)) + p->small.most;
    far += step * (whole - 1) + (step == 2);
    if (!p->inside || !p->within || !p->small.count || w->factors > WINDOW_FACTORS) return 0;
    if ((step != 1 && step != 2) || far >= p->size) return 0;
    for (int f = 0; f < w->factors; f++) {
        const Int *by = p->strides + f * w->kept;
        Int from = 0, size = 1;
        for (int n = 0; n <= last; n++) from += at[n] * by[n];
        for (int n = 0; n < p->arrays[1 + f].ndim; n++) size *= p->arrays[1 + f].shape[n];
        factors[f].data = (const real *)p->arrays[1 + f].buf + from;
        factors[f].down = last < 1 ? 0 : by[last - 1];
        factors[f].along = by[last];
        if (by[last] != 0 && by[last] != 1) return 0;
        if (by[last] && from + factors[f].down * (rows - 1) + whole > size) return 0;
    }
    return 1;
}

/* Multiply the factors of a vector of windows. */
static ROT180_ALWAYS void WINDOW_(value)(const Windows *w, const WINDOW_(Factor) * factors, Int r,
                                         Int q, real *restrict to) {
    LOOPS_SIMD(omp simd)
    for (int i = 0; i < WINDOW_(WIDE); i++) to[i] = (real)w->scale;
    for (int f = 0; f < w->factors; f++) {
        const real *from = factors[f].data + r * factors[f].down + q * factors[f].along;
        if (factors[f].along) {
            LOOPS_SIMD(omp simd)
            for (int i = 0; i < WINDOW_(WIDE); i++) to[i] *= from[i];
        } else {
            LOOPS_SIMD(omp simd)
            for (int i = 0; i < WINDOW_(WIDE); i++) to[i] *= *from;
        }
    }
}

/* Return whether all values are finite. */
static ROT180_ALWAYS int WINDOW_(are_finite)(const Windows *w, const WINDOW_(Factor) * factors,
                                             Int rows, Int lanes) {
    real value[WINDOW_(WIDE)], sums[WINDOW_(WIDE)] = {0};
    int bad = 0;
    for (Int r = 0; r < rows && w->factors; r++)
        for (Int q = 0; q < lanes; q += WINDOW_(WIDE)) {
            WINDOW_(value)(w, factors, r, q, value);
            LOOPS_SIMD(omp simd)
            for (int i = 0; i < WINDOW_(WIDE); i++) sums[i] += value[i] * 0; /* NaN, or 0 */
        }
    for (int i = 0; i < WINDOW_(WIDE); i++) bad |= sums[i] != 0;
    return !bad;
}

/* Find the extreme entries of a vector of windows. */
static ROT180_ALWAYS void WINDOW_(extremes)(const WindowEntries *e, const real *from, Int step,
                                            int largest, real *restrict best, bits *restrict mark) {
    for (int n = 0; n < e->count; n++) {
        const real *entry = from + e->from[n];
        const bits own = e->mark[n];
        real v[WINDOW_(WIDE)];
        WINDOW_(Vector) low = *(const WINDOW_(Vector) *)entry;
        if (step == 2) {
            const WINDOW_(Vector) high = *(const WINDOW_(Vector) *)(entry + WINDOW_(WIDE));
            low = WINDOW_EVEN(low, high);
        }
        *(WINDOW_(Vector) *)v = low;
        if (!n) {
            *(WINDOW_(Vector) *)best = low;
            LOOPS_SIMD(omp simd)
            for (int i = 0; i < WINDOW_(WIDE); i++) mark[i] = own;
            continue;
        }
        LOOPS_SIMD(omp simd)
        for (int i = 0; i < WINDOW_(WIDE); i++) {
            const int more = largest ? v[i] > best[i] : v[i] < best[i];
            const int better = more | ((v[i] != v[i]) & (best[i] == best[i]));
            best[i] = better ? v[i] : best[i];
            mark[i] = better ? own : mark[i];
        }
    }
}

/* Add values at the places with a mark, and others at those after these, two by two. */
static ROT180_ALWAYS void WINDOW_(add_pairs)(real *restrict to, const real *restrict value,
                                             const bits *restrict mark, bits first, bits second) {
    LOOPS_SIMD(omp simd)
    for (int i = 0; i < WINDOW_(WIDE); i++) {
        to[2 * i] += mark[i] == first ? value[i] : 0;
        to[2 * i + 1] += mark[i] == second ? value[i] : 0;
    }
}

/* Add a vector of values, each at its mark: entry by entry of the windows. */
static ROT180_ALWAYS void WINDOW_(add_vectors)(const WindowEntries *e, Int by, Int count,
                                               real *restrict value, const bits *restrict mark,
                                               real *to) {
    LOOPS_SIMD(omp simd)
    for (int i = 0; i < WINDOW_(WIDE); i++) value[i] = i < count ? value[i] : 0;
    for (int n = 0; n < e->count; n++) {
        const bits own = e->mark[n];
        real *restrict at = to + own;
        if (by == 2) {
            const int pair = n + 1 < e->count && e->mark[n + 1] == own + 1;
            WINDOW_(add_pairs)(at, value, mark, own, pair ? own + 1 : INT32_MIN);
            n += pair;
            continue;
        }
        LOOPS_SIMD(omp simd)
        for (int i = 0; i < WINDOW_(WIDE); i++) at[i] += mark[i] == own ? value[i] : 0;
    }
}

/* Return whether small windows are added to whole vectors, which are inside the output. */
static ROT180_ALWAYS int WINDOW_(has_room)(const WINDOW_(Pass) * p, Int rows, Int lanes, Int by,
                                           Int next) {
    const Int whole = (lanes + WINDOW_(WIDE) - 1) / WINDOW_(WIDE) * WINDOW_(WIDE);
    Int far = p->places.origin + kernel_most(0, next * (rows - 1)), most = 0;
    if ((by != 1 && by != 2) || p->small.count > WINDOW_(WIDE)) return 0;
    for (int n = 0; n < p->small.count; n++) most = kernel_most(most, p->small.mark[n]);
    return far + most + by * (whole - 1) + (by == 2) < p->end;
}

/* Compute rows of windows a vector at a time, what is beyond the last lane for nothing. */
static ROT180_ALWAYS void WINDOW_(vectors)(const Windows *w, WINDOW_(Pass) * p,
                                           const WINDOW_(Factor) * factors, Int rows, Int lanes) {
    const int last = w->kept - 1;
    const Int step = p->map.step[last], down = last < 1 ? 0 : p->map.step[last - 1];
    const Int by = w->places ? p->places.step[last] : 0;
    const Int next = w->places && last > 0 ? p->places.step[last - 1] : 0;
    const int wide = w->places && WINDOW_(has_room)(p, rows, lanes, by, next);
    real best[WINDOW_(WIDE)], value[WINDOW_(WIDE)];
    bits mark[WINDOW_(WIDE)];
    for (Int r = 0; r < rows; r++)
        for (Int q = 0; q < lanes; q += WINDOW_(WIDE)) {
            const real *from = p->array + p->map.origin + r * down + q * step;
            const Int count = kernel_least(WINDOW_(WIDE), lanes - q);
            WINDOW_(extremes)(&p->small, from, step, w->largest, best, mark);
            if (w->places) {
                real *to = p->out + p->places.origin + r * next + q * by;
                WINDOW_(value)(w, factors, r, q, value);
                if (wide) WINDOW_(add_vectors)(&p->small, by, count, value, mark, to);
                else
                    for (Int i = 0; i < count; i++, to += by) to[mark[i]] += value[i];
            } else {
                memcpy(p->out, best, (size_t)count * sizeof(real));
                p->out += count;
            }
        }
}
#endif
