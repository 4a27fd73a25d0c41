/* The algorithms by which a sum can be computed, and what `explain` is told: which one a sum uses.
 *
 * ROT180_PATH asks for an algorithm; one that does not fit a sum is not used. While answers are
 * asked for (`rot180_ask`), nothing is computed: each sum writes its answer and returns.
 */
#ifndef ROT180_ALGORITHM_H
#define ROT180_ALGORITHM_H

#include "algorithm_constants.h"
#include "contraction.h"

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static int rot180_algorithm = ALGORITHM_AUTOMATIC; /* the one that is requested */

typedef struct {
    int algorithm, reason, isa, threads;
    int rows, vectors;        /* of a tile */
    int m_split, n_split;     /* whether a side is copied, split by phase */
    Int m, n, k;              /* of a block */
    double products, scratch; /* all of them; bytes */
} Answer;

/* Of each thread. In glibc it lies in the memory that a thread starts with: memory that is
 * allocated at the first use aborts the program where there is none. */
#if defined(__GNUC__) && defined(__GLIBC__)
#define THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))
#elif defined(__GNUC__)
#define THREAD_LOCAL __thread
#else
#define THREAD_LOCAL __declspec(thread)
#endif

/* Where answers are written instead of sums computed. */
static THREAD_LOCAL struct {
    Answer *answers;
    int room, count;
    size_t scratch;
} asked;

static void rot180_ask(Answer *answers, int room) {
    asked.answers = answers, asked.room = room, asked.count = 0;
}

/* Return how many answers there are, and stop asking. */
static int rot180_answered(void) {
    asked.answers = NULL;
    return asked.count;
}

/* Write the algorithm of a sum into its answer, and the reason of the rule that chose it. */
static void set_algorithm(Answer *a, int algorithm, int reason) {
    a->algorithm = algorithm;
    a->reason = algorithm == rot180_algorithm ? REASON_REQUESTED : reason;
}

static Answer *answer(int algorithm, int reason, double products) {
    static const Answer none;
    Answer *a = &asked.answers[MIN(asked.count, asked.room - 1)];
    if (asked.count < asked.room) asked.count++;
    *a = none;
    set_algorithm(a, algorithm, reason);
    a->products = products, a->threads = 1;
    return a;
}

/* Scale the last answer, which is about one of `parts` equal parts of a sum, to the whole sum. */
static void answer_for(int parts, double products) {
    Answer *a = &asked.answers[asked.count - 1];
    a->threads = parts, a->products = products, a->scratch *= parts;
}

static double products(const Nest *n) {
    double work = 1;
    for (int i = 0; i < n->loops; i++) work *= (double)(n->stop[i] - n->first[i]);
    return work;
}

static inline double rot180_extent(Int first, Int stop) {
    return first < stop ? (double)(stop - first) : 0;
}

/* Return whether a sum with `work` products runs in plain loops; it then runs in them also if
 * it is asked about. A sum of no products is passed over, for loops would still visit its outputs;
 * so is a long one that is requested, for no signal ends these loops.
 */
static inline int rot180_small(double work) {
    enum { LONGEST = 1 << 26 };
    if (work == 0 || work >= (double)ENDLESS) return 0;
    if (rot180_algorithm == ALGORITHM_AUTOMATIC
            ? work > MAX_LOOP_PRODUCTS
            : rot180_algorithm != ALGORITHM_LOOPS || work > LONGEST)
        return 0;
    if (asked.answers) answer(ALGORITHM_LOOPS, REASON_FEW_PRODUCTS, work);
    return 1;
}

#endif /* ROT180_ALGORITHM_H */
