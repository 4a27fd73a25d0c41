/* The contract of the contraction, checked case by case against its definition:
 *
 *     out[place] += scale * sum over the REDUCTION loops of the product of the entries,
 *
 * or `=` where the sum is fresh. A case has up to four loops, each with a role and a size from 0
 * to 3, and up to three factors with strides from -2 to 3. Cases are numbered.
 *
 * All choices together are too many: four loops and three factors alone have 4^4 roles, 4^4 sizes
 * and 6^12 strides. Each part is complete in the choices that its comment names; all others (and
 * how loops share axes, how much of an index range is in the box, the layout in memory, what is a
 * box, the scale, whether the sum is fresh) follow from a fixed hash of the case's number. Why that
 * suffices: the code treats a loop by its role, its extent and the stride of each map along it. Roles
 * decide the groups in which loops are merged, with sizes (ROLES_AND_SIZES, ONE_SIDE). Strides enter
 * the resolution of one factor's map, loop by loop, and comparisons between two loops of a factor
 * and between two factors (STRIDES_OF_TWO has all pairs of both); STRIDES_OF_ONE and
 * STRIDES_OF_THREE have all strides of one map beside every pattern of roles.
 *
 * All numbers are small integers, so that every sum is exact. What lies outside an array is NaN. */
#include <math.h>
#include <stdio.h>

#include "contraction_harness.c"

enum { MOST_LOOPS = 4, MOST_FACTORS = 3, MOST_ENTRIES = 1 << 14, MARGIN = 8, STRIDES = 6 };
enum { OWN_AXES, PAIR, ONE_AXIS, SHARINGS };       /* how the loops of a factor share its axes */
enum { WHOLE, LOW, HIGH, BOTH, ROOMY, CLIPS };     /* how much of the index range is in its box */
enum { C_ORDER, F_ORDER, REVERSED, GAPS, LAYOUTS };

typedef struct {
    int loops, role[MOST_LOOPS], size[MOST_LOOPS];
    int left, right;
    int slope[MOST_FACTORS + 1][MOST_LOOPS]; /* the output's last */
    int sharing[MOST_FACTORS], clip[MOST_FACTORS], box[MOST_FACTORS], layout[MOST_FACTORS + 1];
    int fresh;
    double scale;
} Case;

typedef unsigned long long Hash;

static Hash mixed(Hash x) {
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

/* Take the next digit of a number, or of a hash that never ends. */
static int digit(Hash *n, int radix) {
    int out = (int)(*n % (Hash)radix);
    *n /= (Hash)radix;
    return out;
}
static int any(Hash *h, int radix) {
    *h = mixed(*h);
    return (int)((*h >> 20) % (Hash)radix);
}

static const int strides[STRIDES] = {1, 0, -1, 2, 3, -2};
static const int two_sides[3][2] = {{1, 1}, {2, 1}, {1, 2}};

static long power(int base, int exponent) { return exponent ? base * power(base, exponent - 1) : 1; }

/* The parts, and what each is complete in; `complete` multiplies to the number of cases. */
enum {
    ROLES_AND_SIZES, /* two sides of three shapes, all roles and sizes of 0 to 4 loops */
    ONE_SIDE,        /* up to three factors on one side, all roles and sizes of 0 to 4 loops */
    STRIDES_OF_TWO,  /* one factor a side: all roles, all strides of both, sizes 1 to 3, 1 or 2 loops */
    STRIDES_OF_ONE,  /* one factor a side: all roles, all strides of the left, 3 or 4 loops */
    STRIDES_OF_THREE, /* three factors: all roles, all strides of all, 1 loop; of the left, 2 loops */
    PARTS
};

static long cases_with(int part, int loops) {
    switch (part) {
    case ROLES_AND_SIZES: return 3 * power(4, loops) * power(4, loops);
    case ONE_SIDE: return 4 * power(2, loops) * power(4, loops);
    case STRIDES_OF_TWO:
        return loops == 1 || loops == 2 ? power(4 * STRIDES * STRIDES * 3, loops) * 4 : 0;
    case STRIDES_OF_ONE: return loops >= 3 ? power(4 * STRIDES, loops) : 0;
    default:
        if (loops == 1) return 2 * 4 * power(STRIDES, 3) * 3;
        return loops == 2 ? 2 * power(4 * STRIDES * STRIDES, 2) : 0;
    }
}

long contract_cases(int part) {
    long out = 0;
    for (int loops = 0; loops <= MOST_LOOPS; loops++) out += cases_with(part, loops);
    return out;
}
int contract_parts(void) { return PARTS; }

/* Choose everything by the hash; what a part is complete in is overwritten. */
static void choose_rest(Case *c, Hash h) {
    for (int i = 0; i < c->loops; i++) {
        c->role[i] = any(&h, 4), c->size[i] = 1 + any(&h, 3);
        for (int f = 0; f < MOST_FACTORS; f++) c->slope[f][i] = strides[any(&h, STRIDES)];
        do c->slope[MOST_FACTORS][i] = strides[any(&h, STRIDES)];
        while (c->slope[MOST_FACTORS][i] == 0);
    }
    for (int f = 0; f < MOST_FACTORS; f++) {
        c->sharing[f] = any(&h, SHARINGS), c->clip[f] = any(&h, CLIPS);
        c->box[f] = any(&h, 8) == 0;
    }
    for (int f = 0; f <= MOST_FACTORS; f++) c->layout[f] = any(&h, LAYOUTS);
    c->fresh = any(&h, 2), c->scale = any(&h, 3) ? 1 : -2;
    c->left = c->right = 1;
}

static void choose(Case *c, int part, long number) {
    Hash n;
    int which;
    for (c->loops = 0; number >= cases_with(part, c->loops); c->loops++)
        number -= cases_with(part, c->loops);
    n = (Hash)number;
    choose_rest(c, mixed((Hash)number * 8 + (Hash)c->loops) + (Hash)part);
    switch (part) {
    case ROLES_AND_SIZES:
        which = digit(&n, 3);
        c->left = two_sides[which][0], c->right = two_sides[which][1];
        break;
    case ONE_SIDE: c->left = digit(&n, 4), c->right = 0; break;
    case STRIDES_OF_TWO:
        which = digit(&n, 4);
        for (int f = 0; f < 2; f++) {
            c->sharing[f] = which & 1 ? ONE_AXIS : OWN_AXES, c->clip[f] = which & 2 ? BOTH : WHOLE;
            c->box[f] = 0;
        }
        break;
    case STRIDES_OF_THREE:
        which = digit(&n, 2);
        c->left = 2 - which, c->right = 1 + which;
        break;
    }
    for (int i = 0; i < c->loops; i++) {
        if (part == ONE_SIDE) c->role[i] = digit(&n, 2) ? ROWS : REDUCTION;
        else c->role[i] = digit(&n, 4);
        if (part == ROLES_AND_SIZES || part == ONE_SIDE) c->size[i] = digit(&n, 4);
        else if (part == STRIDES_OF_TWO || (part == STRIDES_OF_THREE && c->loops == 1))
            c->size[i] = 1 + digit(&n, 3);
        if (part >= STRIDES_OF_TWO) c->slope[0][i] = strides[digit(&n, STRIDES)];
        if (part == STRIDES_OF_TWO || part == STRIDES_OF_THREE)
            c->slope[1][i] = strides[digit(&n, STRIDES)];
        if (part == STRIDES_OF_THREE && c->loops == 1)
            c->slope[2][i] = strides[digit(&n, STRIDES)];
    }
}

/* Say whether a factor may depend on a loop: those of the other side's rows it may not. */
static int touches(const Case *c, int f, int loop) {
    if (f == MOST_FACTORS) return c->role[loop] != REDUCTION;
    return c->role[loop] != (f < c->left ? COLUMNS : ROWS);
}

typedef struct {
    double value[MOST_ENTRIES]; /* what the memory holds, in double precision */
    char memory[(MOST_ENTRIES + 2 * MARGIN) * sizeof(double)];
    char *taken; /* memory exactly as long as the array */
    Int low, entries;
} Array;

/* Add an axis over some loops to an entry's map. */
static void map_axis(const Case *c, int f, Entry *e, const int *on, int count, int clip) {
    Int low = 0, high = 0;
    int a = e->axes++;
    for (int k = 0; k < count; k++) {
        Int by = c->slope[f][on[k]], end = by * (c->size[on[k]] > 0 ? c->size[on[k]] - 1 : 0);
        e->slope[a][on[k]] = by;
        low += end < 0 ? end : 0, high += end > 0 ? end : 0;
    }
    e->constant[a] = -low, e->size[a] = high - low + 1;
    if (clip == LOW || clip == BOTH) e->constant[a]--, e->size[a]--;
    if (clip == HIGH || clip == BOTH) e->size[a] -= e->size[a] > 0;
    if (clip == ROOMY) e->constant[a]++, e->size[a] += 2;
}

static void add_axes(const Case *c, int f, Entry *e) {
    int on[MOST_LOOPS], count = 0, sharing = f == MOST_FACTORS ? OWN_AXES : c->sharing[f];
    int clip = f == MOST_FACTORS ? WHOLE : c->clip[f], at = 0;
    memset(e, 0, sizeof *e);
    if (f < MOST_FACTORS && c->box[f]) sharing = ONE_AXIS;
    for (int i = 0; i < c->loops; i++)
        if (touches(c, f, i)) on[count++] = i;
    if (sharing == ONE_AXIS && f < MOST_FACTORS && (count || c->box[f]))
        map_axis(c, f, e, on, count, clip), at = count;
    if (sharing == PAIR && count > 1) map_axis(c, f, e, on, 2, clip), at = 2;
    for (; at < count; at++) map_axis(c, f, e, on + at, 1, clip);
}

/* Lay an array out, in entries, and fill it with small integers; NaN wherever it has no entry. */
static void arrange(Entry *e, Array *a, int layout, int seed) {
    Int step = layout == GAPS ? 2 : 1, index[AXES] = {0}, entries = 1;
    a->low = 0;
    for (int k = 0; k < e->axes; k++) entries *= e->size[k];
    for (int k = 0; k < e->axes; k++) {
        int axis = layout == F_ORDER ? k : e->axes - 1 - k;
        e->stride[axis] = layout == REVERSED ? -step : step;
        if (layout == REVERSED && entries) a->low -= step * (e->size[axis] - 1);
        step *= e->size[axis] > 1 ? e->size[axis] : 1;
    }
    a->entries = entries ? step : 0;
    for (Int i = 0; i < a->entries; i++) a->value[i] = NAN;
    for (Int n = 0; n < entries; n++) {
        Int at = -a->low;
        for (int k = 0; k < e->axes; k++) at += index[k] * e->stride[k];
        a->value[at] = (double)((n * 7 + seed) % 5) - 2;
        for (int k = e->axes - 1; k >= 0 && ++index[k] == e->size[k]; k--) index[k] = 0;
    }
}

/* Put an array into memory of the type, and make its strides bytes. */
static void place(Entry *e, Array *a, int itemsize) {
    size_t bytes = (size_t)(a->entries * itemsize);
#ifdef __SANITIZE_ADDRESS__
    char *memory = a->taken = (malloc)(bytes ? bytes : 1);
#else
    char *memory = a->memory + MARGIN * sizeof(double);
    memset(a->memory, 255, MARGIN * sizeof(double));
    memset(memory + bytes, 255, MARGIN * sizeof(double));
#endif
    for (Int i = 0; i < a->entries; i++)
        if (itemsize == 4) ((float *)memory)[i] = (float)a->value[i];
        else ((double *)memory)[i] = a->value[i];
    e->data = memory - a->low * itemsize;
    for (int k = 0; k < e->axes; k++) e->stride[k] *= itemsize;
}

static double entry_at(const char *memory, Int i, int itemsize) {
    return itemsize == 4 ? ((const float *)memory)[i] : ((const double *)memory)[i];
}

/* Return where an entry is in its array, or -1 if it is outside; strides in entries. */
static Int position(const Entry *e, const Array *a, int loops, const int *v) {
    Int at = a ? -a->low : 0;
    for (int k = 0; k < e->axes; k++) {
        Int index = e->constant[k];
        for (int i = 0; i < loops; i++) index += e->slope[k][i] * v[i];
        if (index < 0 || index >= e->size[k]) return -1;
        at += index * e->stride[k];
    }
    return at;
}

/* Advance to the next point of the loops; 0 after the last one. */
static int next_point(const Case *c, int *v) {
    for (int i = c->loops - 1; i >= 0; v[i--] = 0)
        if (++v[i] < c->size[i]) return 1;
    return 0;
}

/* Compute what the output must be, by the definition. What is stored afresh is NaN before. */
static void define(const Case *c, const Entry *e, const Entry *out, Array *arrays, Array *before,
                   Array *wanted) {
    int v[MOST_LOOPS] = {0}, written[MOST_LOOPS] = {0}, empty = 0, missing = 0;
    const int count = c->left + c->right;
    for (int i = 0; i < c->loops; i++) {
        empty |= c->size[i] == 0;
        missing |= c->size[i] == 0 && c->role[i] != REDUCTION;
    }
    if (c->fresh && !missing) { /* nothing is in the output yet: zeros, at every place once */
        Case places = *c;
        for (int i = 0; i < c->loops; i++)
            if (c->role[i] == REDUCTION) places.size[i] = 1;
        do {
            Int at = position(out, wanted, c->loops, written);
            wanted->value[at] = 0, before->value[at] = NAN;
        } while (next_point(&places, written));
    }
    if (empty) return;
    do {
        double product = c->scale;
        for (int f = 0; f < count; f++) {
            Int at = position(&e[f], &arrays[f], c->loops, v);
            product *= at < 0 ? 0 : c->box[f] ? 1 : arrays[f].value[at];
        }
        wanted->value[position(out, wanted, c->loops, v)] += product;
    } while (next_point(c, v));
}

static void describe(const Case *c, char *said, size_t room, const char *what, double found,
                     double wanted) {
    static const char *roles[] = {"batch", "m", "n", "k"};
    int at = snprintf(said, room, "%s: found %g, expected %g; scale %g, fresh %d;", what, found,
                      wanted, c->scale, c->fresh);
    for (int i = 0; i < c->loops; i++)
        at += snprintf(said + at, room - (size_t)at, " %s 0..%d,", roles[c->role[i]], c->size[i]);
    for (int f = 0; f <= MOST_FACTORS; f++) {
        if (f >= c->left + c->right && f < MOST_FACTORS) continue;
        at += snprintf(said + at, room - (size_t)at, "\n  %s: strides",
                       f == MOST_FACTORS ? "out" : f < c->left ? "left" : "right");
        for (int i = 0; i < c->loops; i++)
            at += snprintf(said + at, room - (size_t)at, " %d", touches(c, f, i) ? c->slope[f][i] : 0);
        at += snprintf(said + at, room - (size_t)at, ", layout %d", c->layout[f]);
        if (f < MOST_FACTORS)
            at += snprintf(said + at, room - (size_t)at, ", sharing %d, clip %d, box %d",
                           c->sharing[f], c->clip[f], c->box[f]);
    }
}

/* Check one case; return 0 and describe it if the output is not what it must be. */
static int check(const Case *c, int isa, int itemsize, char *said, size_t room) {
    static Array arrays[MOST_FACTORS], out, wanted;
    Entry e[MOST_FACTORS], to;
    Nest nest;
    int count = c->left + c->right, status, good = 1;
    const char *memory;
    add_axes(c, MOST_FACTORS, &to);
    arrange(&to, &wanted, c->layout[MOST_FACTORS], 1);
    for (int f = 0; f < count; f++) {
        add_axes(c, f, &e[f]);
        arrange(&e[f], &arrays[f], c->layout[f], f + 2);
    }
    out.low = wanted.low, out.entries = wanted.entries;
    memcpy(out.value, wanted.value, (size_t)out.entries * sizeof(double));
    define(c, e, &to, arrays, &out, &wanted);
    memset(&nest, 0, sizeof nest);
    rot180_begin(&nest, itemsize, e, c->left, c->right, c->scale);
    for (int i = 0; i < c->loops; i++) rot180_range(&nest, c->role[i], c->size[i]);
    for (int f = 0; f < count; f++) {
        place(&e[f], &arrays[f], itemsize);
        if (c->box[f]) e[f].data = NULL, memset(e[f].stride, 0, sizeof e[f].stride);
    }
    place(&to, &out, itemsize);
    memory = to.data + out.low * itemsize;
    nest.out = to, nest.fresh = c->fresh;
    if (c->fresh)
        for (int i = 0; i < c->loops; i++)
            if (c->size[i] == 0 && c->role[i] != REDUCTION) nest.fresh = 0; /* nothing to store */
    status = contract(&nest, isa);
    if (status != DONE) {
        describe(c, said, room, "status", status, DONE);
        good = 0;
    }
    for (Int i = 0; good && i < out.entries; i++) {
        double found = entry_at(memory, i, itemsize), value = wanted.value[i];
        if (found == value || (found != found && value != value)) continue;
        describe(c, said, room, "an entry", found, value);
        good = 0;
    }
#ifdef __SANITIZE_ADDRESS__
    for (int f = 0; f < count; f++) (free)(arrays[f].taken);
    (free)(out.taken);
#endif
    return good;
}

/* Check every `step`-th case of a part from `first` on, by the algorithm that is asked for where
 * it fits; return how many were checked, or -1 and describe the first that is wrong. */
long contract_check(int part, long first, long step, int isa, int itemsize, int algorithm,
                    char *said, size_t room) {
    long checked = 0, cases = contract_cases(part);
    Case c;
    rot180_algorithm = algorithm;
    for (long n = first; n < cases && checked >= 0; n += step, checked++) {
        memset(&c, 0, sizeof c);
        choose(&c, part, n);
        if (!check(&c, isa, itemsize, said, room)) {
            int at = (int)strlen(said);
            snprintf(said + at, room - (size_t)at, "\n  part %d, case %ld", part, n);
            checked = -2;
        }
    }
    rot180_algorithm = ALGORITHM_AUTOMATIC;
    return checked < 0 ? -1 : checked;
}
