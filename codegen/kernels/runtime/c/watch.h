/* Ending a call early: the thread that makes a call asks now and then whether a signal ends it, and
 * all of its threads stop between blocks. Nothing is asked for a call of some milliseconds. */
#ifndef ROT180_WATCH_H
#define ROT180_WATCH_H

#include <time.h>

#include "contraction.h"

#if defined(__GNUC__)
#define LOAD(place) __atomic_load_n(place, __ATOMIC_RELAXED)
#define STORE(place, value) __atomic_store_n(place, value, __ATOMIC_RELAXED)
#else
#define LOAD(place) (*(place))
#define STORE(place, value) (*(place) = (value))
#endif

enum { LOOK_UP = 1 << 20 };           /* products after which a thread looks up */
static double rot180_ask_every = .05; /* seconds */

/* Returns whether a call is to end; NULL: none is. Only the thread that makes a call asks. */
static int (*rot180_interrupted)(void);

/* What a thread of a call looks at. */
typedef struct {
    int *ended;  /* of all threads of the call: whether it ends */
    int asks;    /* whether this thread makes the call */
    Int work;    /* products since it looked up */
    double then; /* when it asked, in seconds; 0: it did not */
} Watch;

static double seconds(void) {
#ifdef _WIN32
    return 1 + (double)clock() / CLOCKS_PER_SEC; /* of the clock on the wall, on Windows */
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1 + (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
#endif
}

static int ended(const Watch *w) { return LOAD(w->ended); }

/* Ask, if that is long ago; return whether the call ends. */
static COLD int look_up(Watch *w) {
    const double now = w->asks && rot180_interrupted && !ended(w) ? seconds() : 0;
    if (w->then == 0) w->then = now;
    else if (now - w->then > rot180_ask_every) {
        if (rot180_interrupted()) STORE(w->ended, 1);
        w->then = seconds();
    }
    w->work = ended(w) ? LOOK_UP : 0;
    return ended(w);
}

/* Add to the number of products computed; return whether the call has to end. */
static inline int ends(Watch *w, Int products) {
    return (w->work += products) > LOOK_UP && look_up(w);
}

#endif /* ROT180_WATCH_H */
