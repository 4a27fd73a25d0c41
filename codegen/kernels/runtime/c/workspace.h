/* Scratch memory: blocks that outlive a call, so that the system's pages are not requested again
 * and again, and a stack that divides one block among the tables of a call. Any thread may call. */
#ifndef ROT180_WORKSPACE_H
#define ROT180_WORKSPACE_H

#include "algorithm.h"
#include "contraction.h"

#if defined(__GNUC__)
#define PREFETCH(place) __builtin_prefetch((const void *)(place))
#define EXCHANGE(place, value) __atomic_exchange_n(place, value, __ATOMIC_ACQ_REL)
#define ADD(place, value) __atomic_add_fetch(place, value, __ATOMIC_RELAXED)
#else
#define PREFETCH(place) (void)(place)
#define EXCHANGE(place, value) (value)
#define ADD(place, value) (*(place) += (value))
#endif

enum { KEPT_BLOCKS = 8, LARGE = 1 << 26 }; /* at most; bytes from which a block is not kept */

typedef struct {
    size_t size;
    char pad[56];
} Header;

static Header *kept[KEPT_BLOCKS];
static size_t rot180_held, rot180_most; /* bytes of all blocks, now and at most */

static void drop(Header *block) {
    ADD(&rot180_held, (size_t)0 - block->size);
    free(((void **)block)[-1]);
}

/* Return a block of at least `size` bytes, aligned to a cache line, or NULL. */
static void *take(size_t size) {
    Header *block;
    void *raw;
    size_t held;
    if (asked.answers) asked.scratch += size;
    for (int i = 0; i < KEPT_BLOCKS; i++) {
        block = EXCHANGE(&kept[i], NULL);
        if (block && block->size >= size) return block + 1;
        if (block && (block = EXCHANGE(&kept[i], block))) drop(block);
    }
    size = (size | 4095) + 1;
    raw = malloc(size + 2 * sizeof(Header) + sizeof(void *));
    if (!raw) return NULL;
    block = (Header *)(((uintptr_t)raw + sizeof(void *) + 63) & ~(uintptr_t)63);
    ((void **)block)[-1] = raw;
    block->size = size;
    held = ADD(&rot180_held, size);
    if (held > rot180_most) rot180_most = held;
    return block + 1;
}

static void give(void *memory) {
    Header *block = (Header *)memory - 1;
    for (int i = 0; i < KEPT_BLOCKS && block && block->size < LARGE; i++)
        block = EXCHANGE(&kept[i], block);
    if (block) drop(block);
}

/* Give all kept memory back to the system. */
static void rot180_release(void) {
    for (int i = 0; i < KEPT_BLOCKS; i++) {
        Header *block = EXCHANGE(&kept[i], NULL);
        if (block) drop(block);
    }
}

/* A stack of memory for one call: counted first, then handed out. */
typedef struct {
    char *next;
} Arena;

static void *arena_take(Arena *arena, Int size) {
    char *out = arena->next;
    arena->next += (size + 127) & ~(Int)63;
    return out;
}

#endif /* ROT180_WORKSPACE_H */
