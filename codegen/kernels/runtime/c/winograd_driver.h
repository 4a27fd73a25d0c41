/* The driver of Winograd's form: filters first, then blocks of tiles, each shared by the threads;
 * or, while `explain` asks, the answer. */
#ifndef ROT180_WINOGRAD_DRIVER_H
#define ROT180_WINOGRAD_DRIVER_H

#include "algorithm.h"
#include "threads.h"
#include "workspace.h"
#include "winograd_kernels.h"

#if defined(__GNUC__)
#define FETCH_NEXT(task) __atomic_fetch_add(&(task)->next, 1, __ATOMIC_RELAXED)
#define FAIL(task, why) __atomic_store_n(&(task)->failed, why, __ATOMIC_RELAXED)
#define FAILED(task) __atomic_load_n(&(task)->failed, __ATOMIC_RELAXED)
#else
#define FETCH_NEXT(task) ((task)->next++)
#define FAIL(task, why) ((task)->failed = (why))
#define FAILED(task) ((task)->failed)
#endif

typedef struct {
    const WinogradLayer *s;
    WinogradLayout l;
    char *filters;     /* U of a pass */
    Int group, groups; /* of the pass: the first, and how many */
    Int panel, panels; /* of each of its groups: the first, and how many */
    Int next, failed;
} WinogradTask;

/* A thread of a task. */
typedef struct {
    WinogradTask *task;
    Watch watch;
} WinogradWorker;

/* The transformed filters from a panel of the pass on. */
static char *winograd_from(const WinogradTask *t, Int panel) {
    return t->filters + panel * t->l.panel_step * t->s->itemsize;
}

/* Transform panels of filters until none is left. */
static void *winograd_filters_thread(void *argument) {
    WinogradWorker *w = argument;
    WinogradTask *t = w->task;
    const WinogradLayer *s = t->s;
    const Int products = t->l.panel_step * t->l.points * t->l.points;
    WinogradFilters *kernel = winograd_filters[s->itemsize == 8][s->isa][s->form];
    for (Int n; (n = FETCH_NEXT(t)) < t->groups * t->panels && !ends(&w->watch, products);)
        kernel(s, &t->l, t->group + n / t->panels, t->panel + n % t->panels, winograd_from(t, n));
    return NULL;
}

/* Compute blocks of tiles until none is left, or one fails. */
static void *winograd_blocks_thread(void *argument) {
    WinogradWorker *w = argument;
    WinogradTask *t = w->task;
    const WinogradLayer *s = t->s;
    const Int blocks = t->l.blocks;
    WinogradBlock *kernel = winograd_block[s->itemsize == 8][s->isa][s->form];
    for (Int n; !FAILED(t) && (n = FETCH_NEXT(t)) < t->groups * blocks && !ended(&w->watch);) {
        const char *filters = winograd_from(t, n / blocks * t->panels);
        const WinogradPart part = {t->group + n / blocks, t->panel, t->panels, n % blocks};
        const int said = kernel(s, &t->l, &part, filters, &w->watch);
        if (said != DONE) FAIL(t, said);
    }
    return NULL;
}

/* Run a function on this thread and on as many others as there is work for. */
static void winograd_on_threads(WinogradTask *task, void *(*function)(void *), Int parts,
                                Watch *watch) {
    WinogradWorker own = {task, *watch};
#if defined(__GNUC__) && !defined(_WIN32)
    enum { MAX_THREADS = 64 };
    Thread thread[MAX_THREADS];
    WinogradWorker worker[MAX_THREADS];
    const int taken = take_threads((int)MAX(MIN(MIN(task->s->threads, parts), MAX_THREADS), 1));
    Int started = 0;
    task->next = 0;
    while (started < taken - 1) {
        worker[started] = own, worker[started].watch.asks = 0;
        if (!begin_thread(&thread[started], function, &worker[started])) break;
        started++;
    }
    function(&own);
    while (started > 0) end_thread(&thread[--started], &own.watch);
    ADD(&rot180_busy, -taken);
#else
    (void)parts;
    task->next = 0;
    function(&own);
#endif
    *watch = own.watch;
}

/* Answer how a layer would be computed. */
static int winograd_answer(const WinogradLayer *s, const WinogradLayout *l, size_t filters) {
    const double points = (double)(l->points * l->points);
    const double threads = (double)MIN(s->threads, l->groups_in_pass * l->blocks);
    const double tiles = (double)(s->batch * l->rows * l->columns);
    Answer *a =
        answer(ALGORITHM_WINOGRAD, REASON_FAST,
               points * tiles * (double)l->pieces * (double)(s->groups * s->channels * s->outputs));
    a->isa = s->isa, a->threads = (int)threads;
    a->rows = has_many_registers(s->isa) ? 8 : 4, a->vectors = 3;
    a->m = MIN(PANEL, s->outputs), a->n = l->runs_in_block * l->line,
    a->k = s->channels * l->pieces;
    a->scratch = (double)filters +
                 threads * points * (double)((l->input_step + l->product_step) * s->itemsize);
    return DONE;
}

/* Compute a layer; return DONE, NO_MEMORY, NOT_FINITE or ENDED. */
static int winograd_convolve(const WinogradLayer *s) {
    WinogradTask task = {s, {0}, NULL, 0, 0, 0, 0, 0, 0};
    int stop = 0;
    Watch watch = {&stop, 1, 0, 0};
    size_t size;
    if (MIN(MIN(s->batch, s->outputs), MIN(s->out_size[0], s->out_size[1])) < 1) return DONE;
    task.l = winograd_layout(s);
    size = (size_t)(task.l.filter_step * task.l.points * task.l.points) * (size_t)s->itemsize;
    if (asked.answers) return winograd_answer(s, &task.l, size);
    if (!(task.filters = take(size))) return NO_MEMORY;
    for (Int group = 0; !task.failed && !stop && group < s->groups; group += task.l.groups_in_pass)
        for (Int panel = 0; !task.failed && !stop && panel < task.l.panels;
             panel += task.l.panels_in_pass) {
            task.group = group, task.groups = MIN(task.l.groups_in_pass, s->groups - group);
            task.panel = panel, task.panels = MIN(task.l.panels_in_pass, task.l.panels - panel);
            winograd_on_threads(&task, winograd_filters_thread, task.groups * task.panels, &watch);
            winograd_on_threads(&task, winograd_blocks_thread, task.groups * task.l.blocks, &watch);
        }
    give(task.filters);
    return stop ? ENDED : task.failed;
}

#endif /* ROT180_WINOGRAD_DRIVER_H */
