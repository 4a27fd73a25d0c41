/* generated/contraction.h and winograd.h as a library for tests: their entry points, and memory that
 * can run out. */
#include <stdlib.h>

static long allowed = -1, held;

static void *counted_malloc(size_t size) {
    void *out;
    if (__atomic_load_n(&allowed, __ATOMIC_RELAXED) >= 0 &&
        __atomic_fetch_sub(&allowed, 1, __ATOMIC_RELAXED) <= 0) {
        __atomic_store_n(&allowed, 0, __ATOMIC_RELAXED);
        return NULL;
    }
    out = malloc(size);
    if (out) __atomic_fetch_add(&held, 1, __ATOMIC_RELAXED);
    return out;
}

static void counted_free(void *memory) {
    __atomic_fetch_sub(&held, 1, __ATOMIC_RELAXED);
    free(memory);
}

#define malloc counted_malloc
#define free counted_free
#include "contraction.h"
#include "winograd.h"

/* Bytes of an entry and of a nest: what the Python side must agree with. */
size_t entry_size(void) { return sizeof(Entry); }
size_t nest_size(void) { return sizeof(Nest); }

int best(void) { return rot180_best(); }
const char *isa_name(int isa) { return rot180_isa_name(isa); }
int bound(Nest *nest, int loop, Int size) { return rot180_bound(nest, loop, size); }
void release(void) { rot180_release(); }
int cut_at(const Nest *nest, int parts) { return rot180_cut(nest, parts); }

static int asks, last = -1;

static int asked_so_often(void) { return ++asks == last; }

/* Let calls ask after every look whether to end, and say so the `count`-th time; -1: never. Return how
 * often they asked since this was last said. */
int interrupt(int count) {
    const int before = asks;
    rot180_interrupted = asked_so_often, rot180_ask_every = -1;
    asks = 0, last = count;
    return before;
}

void request(int algorithm) { rot180_algorithm = algorithm; }

int contract(const Nest *nest, int isa) {
    rot180_isa = isa;
    return rot180_contract(nest);
}

size_t winograd_layer_size(void) { return sizeof(WinogradLayer); }
int winograd(const WinogradLayer *s) { return winograd_convolve(s); }

/* Let so many allocations succeed and all after them fail; -1: none fails. */
void allow(long count) { __atomic_store_n(&allowed, count, __ATOMIC_RELAXED); }

/* Return how many blocks are allocated. */
long blocks(void) { return __atomic_load_n(&held, __ATOMIC_RELAXED); }
