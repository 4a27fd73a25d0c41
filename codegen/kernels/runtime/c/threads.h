/* Threads: a large sum is cut into parts of its output, which are computed in parallel. Threads
 * live only as long as a call, so neither a fork nor an exit meets any. */
#ifndef ROT180_THREADS_H
#define ROT180_THREADS_H

#include "algorithm.h"
#include "both_types.h"
#include "contraction.h"
#include "watch.h"
#include "workspace.h"

enum { WORTH_A_THREAD = 1 << 22 }; /* products */
static int rot180_threads = 1;

static int serial(const Nest *nest, Watch *watch) {
    return nest->itemsize == 4 ? rot180_contract_float(nest, watch)
                               : rot180_contract_double(nest, watch);
}

/* Return whether another loop moves along an axis of the output that this one moves along: parts of
 * it would then interleave in memory. */
static int interleaves(const Nest *nest, int loop) {
    const Entry *out = &nest->out;
    for (int i = 0; i < nest->loops; i++)
        for (int a = 0; a < out->axes; a++)
            if (i != loop && out->slope[a][i] && out->slope[a][loop]) return 1;
    return 0;
}

/* Return the loop of the output to divide among threads, or -1: the parts should be equal,
 * and repeat little work (each part reads all entries of the other side). */
static int rot180_cut(const Nest *nest, int parts) {
    double volume[ROLES] = {1, 1, 1, 1}, best = 0;
    int found = -1;
    for (int i = 0; i < nest->loops; i++)
        volume[nest->role[i]] *= (double)(nest->stop[i] - nest->first[i]);
    for (int i = 0; i < nest->loops; i++) {
        Int extent = nest->stop[i] - nest->first[i];
        double again = nest->role[i] == BATCH ? 0 : 16. * parts / volume[nest->role[i]], cost;
        if (nest->role[i] == REDUCTION || extent < parts || interleaves(nest, i)) continue;
        cost = (double)((extent + parts - 1) / parts * parts) / (double)extent * (1 + again);
        if (found < 0 || cost < best) best = cost, found = i;
    }
    return found;
}

#ifdef _WIN32
static int in_parts(const Nest *nest, Watch *watch) { return serial(nest, watch); }
#else
#include <errno.h>
#include <pthread.h>

typedef struct {
    pthread_t thread;
    void *(*run)(void *);
    void *argument;
#if defined(__linux__) && defined(CPU_SET)
    cpu_set_t allowed;
#endif
} Thread;

static void *run_thread(void *argument) {
    Thread *t = argument;
#if defined(__linux__) && defined(CPU_SET)
    if (CPU_COUNT(&t->allowed))
        (void)pthread_setaffinity_np(pthread_self(), sizeof(t->allowed), &t->allowed);
#endif
    return t->run(t->argument);
}

/* Start a thread; return whether it started. It starts on another processor than this one and may
 * then move: after a pause the system would often start it here, where it would have to wait. */
static int begin_thread(Thread *t, void *(*run)(void *), void *argument) {
    t->run = run, t->argument = argument;
#if defined(__linux__) && defined(CPU_SET)
    pthread_attr_t attributes;
    cpu_set_t others;
    int here = sched_getcpu(), begun = 0;
    CPU_ZERO(&t->allowed);
    if (here >= 0 && here < CPU_SETSIZE &&
        !pthread_getaffinity_np(pthread_self(), sizeof(t->allowed), &t->allowed)) {
        others = t->allowed;
        CPU_CLR(here, &others);
        if (CPU_COUNT(&others) && !pthread_attr_init(&attributes)) {
            begun = !pthread_attr_setaffinity_np(&attributes, sizeof(others), &others) &&
                    !pthread_create(&t->thread, &attributes, run_thread, t);
            pthread_attr_destroy(&attributes);
        }
        if (begun) return 1;
        CPU_ZERO(&t->allowed);
    }
#endif
    return !pthread_create(&t->thread, NULL, run_thread, t);
}

/* Wait for a thread, and look at the watch meanwhile. If it still waits for another processor, it
 * may start on this one now. */
static void end_thread(Thread *t, Watch *watch) {
#if defined(__linux__) && defined(CPU_SET)
    if (CPU_COUNT(&t->allowed))
        (void)pthread_setaffinity_np(t->thread, sizeof(t->allowed), &t->allowed);
    for (struct timespec until; !ended(watch); look_up(watch)) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 50000000;
        until.tv_sec += until.tv_nsec / 1000000000, until.tv_nsec %= 1000000000;
        if (pthread_timedjoin_np(t->thread, NULL, &until) != ETIMEDOUT) return;
    }
#else
    (void)watch;
#endif
    pthread_join(t->thread, NULL);
}

/* A part of a sum. Its thread and the thread that started that one compete for it. */
typedef struct {
    Nest nest;
    Thread thread;
    Watch watch;
    int started, claimed, failed;
} Part;

static void take_part(Part *part, Watch *watch) {
    if (ADD(&part->claimed, 1) == 1) part->failed = serial(&part->nest, watch);
}

static void *rot180_part(void *argument) {
    Part *part = argument;
    take_part(part, &part->watch);
    return NULL;
}

static int rot180_busy; /* the threads of all calls that divide their work */

/* Take up to n threads, one of which is this one; return how many there are for this call. Calls
 * from several threads share the processors: together they start fewer than rot180_threads. */
static int take_threads(int n) {
    int over = ADD(&rot180_busy, n) - rot180_threads, back = MIN(MAX(over, 0), n - 1);
    ADD(&rot180_busy, -back);
    return n - back;
}

static int in_parts(const Nest *nest, Watch *watch) {
    int parts, loop, taken, failed = DONE;
    Part *part;
    parts = (int)MIN(rot180_threads, products(nest) / WORTH_A_THREAD);
    loop = parts > 1 ? rot180_cut(nest, parts) : -1;
    part = loop < 0 ? NULL : take((size_t)parts * sizeof(Part));
    if (!part) return serial(nest, watch);
    taken = take_threads(parts); /* the parts are the same: so are the results */
    for (int n = parts - 1; n >= 0; n--) {
        Int extent = nest->stop[loop] - nest->first[loop];
        part[n].nest = *nest;
        part[n].nest.first[loop] = nest->first[loop] + extent * n / parts;
        part[n].nest.stop[loop] = nest->first[loop] + extent * (n + 1) / parts;
        if (asked.answers) {
            failed = serial(&part[n].nest, watch);
            answer_for(parts, products(nest));
            break;
        }
        part[n].claimed = 0;
        part[n].watch = *watch, part[n].watch.asks = 0;
        part[n].started = n && n < taken && begin_thread(&part[n].thread, rot180_part, &part[n]);
    }
    for (int n = 0; n < parts && !asked.answers; n++) take_part(&part[n], watch);
    for (int n = 0; n < parts && !asked.answers; n++) {
        if (part[n].started) end_thread(&part[n].thread, watch);
        failed = MIN(failed, part[n].failed);
    }
    ADD(&rot180_busy, -taken);
    give(part);
    return failed;
}
#endif

static int rot180_contract(const Nest *nest) {
    int stop = 0, failed;
    Watch watch = {&stop, 1, 0, 0};
    failed = in_parts(nest, &watch);
    return stop ? ENDED : failed;
}

#endif /* ROT180_THREADS_H */
