/* One product on 64-bit Arm, for arm_instructions.py to count:
 *
 *     arm_products PRODUCT ISA ITEMSIZE CALLS
 *
 * It prints the multiply-adds of a call, and the sum of the outputs times their numbers. */
#include <stdio.h>

#include "contraction.h"
#include "winograd.h"

enum { FORWARD, WEIGHT, FAST };

/* A layer of stride 1 whose output is as large as its input. */
typedef struct {
    int what;
    Int groups, channels, outputs, side, taps; /* channels and outputs of a group */
} Layer;

static const Layer layers[] = {
    {FORWARD, 1, 64, 64, 28, 1}, {FORWARD, 1, 32, 32, 28, 3}, {WEIGHT, 1, 32, 32, 28, 3},
    {FORWARD, 32, 1, 1, 28, 3},  {FAST, 1, 32, 32, 28, 3},
};

static void *filled(Int entries, int itemsize) {
    void *out = malloc((size_t)(entries * itemsize));
    for (Int i = 0; i < entries; i++) {
        const int value = (int)(i * 7 % 5) - 2;
        if (itemsize == 4) ((float *)out)[i] = (float)value;
        else ((double *)out)[i] = value;
    }
    return out;
}

/* Begin an array of entries that are adjacent. */
static void arrange(Entry *e, void *data, int axes, const Int *size, int itemsize) {
    Int stride[AXES], step = itemsize;
    for (int a = axes - 1; a >= 0; a--) stride[a] = step, step *= size[a];
    rot180_entry(e, data, axes, size, stride);
}

/* y[g,o,p,q] = sum over c, k, l of x[g,c,p+k-low,q+l-low] * w[g,o,c,k,l], or the gradient of w. */
static double sum(const Layer *s, int itemsize, void *x, void *w, void *y) {
    enum { G, O, P, Q, C, K, L, COUNT };
    const Int extent[COUNT] = {s->groups,   s->outputs, s->side, s->side,
                               s->channels, s->taps,    s->taps};
    const int forward[COUNT] = {BATCH, COLUMNS, ROWS, ROWS, REDUCTION, REDUCTION, REDUCTION};
    const int weight[COUNT] = {BATCH, COLUMNS, REDUCTION, REDUCTION, ROWS, ROWS, ROWS};
    const Int x_size[] = {s->groups, s->channels, s->side, s->side};
    const Int w_size[] = {s->groups, s->outputs, s->channels, s->taps, s->taps};
    const Int y_size[] = {s->groups, s->outputs, s->side, s->side};
    Entry factors[2], *xe = &factors[0], *other = &factors[1], *we, *ye;
    double work = 1;
    Nest n;
    rot180_begin(&n, itemsize, factors, 1, 1, 1);
    n.fresh = 1;
    for (int i = 0; i < COUNT; i++) {
        rot180_range(&n, s->what == WEIGHT ? weight[i] : forward[i], extent[i]);
        work *= (double)extent[i];
    }
    we = s->what == WEIGHT ? &n.out : other, ye = s->what == WEIGHT ? other : &n.out;
    arrange(xe, x, 4, x_size, itemsize);
    arrange(we, w, 5, w_size, itemsize);
    arrange(ye, y, 4, y_size, itemsize);
    xe->slope[0][G] = xe->slope[1][C] = xe->slope[2][P] = xe->slope[2][K] = 1;
    xe->slope[3][Q] = xe->slope[3][L] = 1;
    xe->constant[2] = xe->constant[3] = -(s->taps / 2);
    we->slope[0][G] = we->slope[1][O] = we->slope[2][C] = we->slope[3][K] = we->slope[4][L] = 1;
    ye->slope[0][G] = ye->slope[1][O] = ye->slope[2][P] = ye->slope[3][Q] = 1;
    if (rot180_contract(&n) != DONE) exit(1);
    return work;
}

/* The same in Winograd's form. */
static double fast(const Layer *s, int itemsize, void *x, void *w, void *y) {
    const Int size = itemsize, image = s->side * s->side * size, low = s->taps / 2;
    const WinogradLayer l = {.itemsize = itemsize,
                             .isa = rot180_isa,
                             .threads = 1,
                             .batch = 1,
                             .groups = s->groups,
                             .channels = s->channels,
                             .outputs = s->outputs,
                             .size = {s->side, s->side},
                             .out_size = {s->side, s->side},
                             .low = {low, low},
                             .x = x,
                             .w = w,
                             .x_stride = {image * s->channels, image * s->channels, image,
                                          s->side * size},
                             .w_stride = {9 * size * s->channels * s->outputs,
                                          9 * size * s->channels, 9 * size, 3 * size, size},
                             .out = y};
    if (winograd_convolve(&l) != DONE) exit(1);
    return 9. * (double)(s->groups * s->channels * s->outputs * s->side * s->side);
}

int main(int count, char **arguments) {
    const Layer *s;
    int itemsize;
    Int outputs, entries;
    void *x, *w, *y;
    double work = 0, total = 0;
    if (count != 5) return 2;
    s = &layers[atoi(arguments[1])], itemsize = atoi(arguments[3]);
    rot180_isa = atoi(arguments[2]), rot180_threads = 1;
    outputs = s->groups * s->outputs * s->side * s->side;
    entries = s->groups * s->outputs * s->channels * s->taps * s->taps;
    x = filled(s->groups * s->channels * s->side * s->side, itemsize);
    w = filled(entries, itemsize), y = filled(outputs, itemsize);
    for (int n = atoi(arguments[4]); n > 0; n--)
        work = s->what == FAST ? fast(s, itemsize, x, w, y) : sum(s, itemsize, x, w, y);
    if (s->what == WEIGHT) outputs = entries, y = w;
    for (Int i = 0; i < outputs; i++)
        total += (double)(i % 1000) *
                 (itemsize == 4 ? (double)((float *)y)[i] : ((double *)y)[i]);
    printf("%.0f %.0f\n", work, total);
    return 0;
}
