/* Staging: carries out the phase-split copy that phase_split.h plans. Entries outside the array are
 * zeros; where the same layout is copied again, they are there already. */
#ifndef ROT180_STAGING_H
#define ROT180_STAGING_H

#include "algorithm.h"
#include "contraction.h"
#include "micro_kernels.h"
#include "phase_split.h"
#include "type.h"

/* Places [*first, *stop) of a phase are inside the array. */
static void NAME(inside)(const PhaseSplit *p, const Factor *f, int axis, Int rest, Int *first,
                         Int *stop) {
    Int m = p->to.modulus[axis], low = p->to.low[axis], places = p->places[axis], last;
    *first = MIN(places, MAX(0, m == 1 ? -low : -rot180_floor(rest, m) - low));
    last = m == 1 ? f->size[axis] - 1 : rot180_floor(f->size[axis] - 1 - rest, m);
    *stop = MAX(*first, MIN(places, last + 1 - low));
}

/* Write zeros around places [begin, end) of lines [first, stop). */
static void NAME(clear)(Int lines, Int first, Int stop, Int places, Int begin, Int end, char *to,
                        Int step) {
    for (Int j = 0; j < lines; j++) {
        T *line = (T *)(to + j * step);
        int in = j >= first && j < stop;
        for (Int k = 0; k < (in ? begin : places); k++) line[k] = 0;
        for (Int k = end; in && k < places; k++) line[k] = 0;
    }
}

/* Copy lines, along the last axis, once for each of its phases. Line `first` is read at `from`. */
static void NAME(copy_phases)(const PhaseSplit *p, const TYPE(Kernels) *kernels, int clean,
                              const Factor *f, Int lines, Int first, Int stop, const char *from,
                              Int from_step, char *to, Int step) {
    const int axis = p->order[f->axes - 1];
    const Int m = p->to.modulus[axis], by = m * f->stride[axis];
    for (int i = 0; i < p->to.phases[axis]; i++, to += p->to.phase_stride[axis]) {
        Int rest = m == 1 ? 0 : p->to.residue[axis][i], begin, end;
        const char *source;
        char *target;
        NAME(inside)(p, f, axis, rest, &begin, &end);
        if (!clean) NAME(clear)(lines, first, stop, p->places[axis], begin, end, to, step);
        if (begin == end || first == stop) continue;
        source = from + rest * f->stride[axis] + (p->to.low[axis] + begin) * by;
        target = to + first * step + begin * (Int)sizeof(T);
        if (by == sizeof(T) || by == 2 * sizeof(T)) {
            kernels->copy_lines(stop - first, end - begin, by / (Int)sizeof(T), source, from_step,
                                target, step);
            continue;
        }
        for (Int j = first; j < stop; j++, source += from_step, target += step)
            for (Int k = 0; k < end - begin; k++) ((T *)target)[k] = *(const T *)(source + k * by);
    }
}

/* Copy the axes from `depth` on; `clean` says that the zeros around are there already. */
static void NAME(copy_axis)(const PhaseSplit *p, const TYPE(Kernels) *kernels, int clean, int depth,
                            const Factor *f, const char *from, char *to) {
    const int axis = p->order[depth];
    const Int m = p->to.modulus[axis], by = m * f->stride[axis], step = p->to.stride[axis];
    if (depth + 1 == f->axes) {
        NAME(copy_phases)(p, kernels, clean, f, 1, 0, from != NULL, from, 0, to, 0);
        return;
    }
    for (int i = 0; i < p->to.phases[axis]; i++, to += p->to.phase_stride[axis]) {
        Int rest = m == 1 ? 0 : p->to.residue[axis][i], places = p->places[axis], first, stop;
        const char *source = NULL;
        NAME(inside)(p, f, axis, rest, &first, &stop);
        if (!from) stop = first;
        if (first < stop) source = from + rest * f->stride[axis] + (p->to.low[axis] + first) * by;
        if (depth + 2 == f->axes)
            NAME(copy_phases)(p, kernels, clean, f, places, first, stop, source, by, to, step);
        else
            for (Int j = clean ? first : 0; j < (clean ? stop : places); j++) {
                const char *in = j >= first && j < stop ? source + (j - first) * by : NULL;
                NAME(copy_axis)(p, kernels, clean, depth + 1, f, in, to + j * step);
            }
    }
}

#endif /* ROT180_STAGING_H */
