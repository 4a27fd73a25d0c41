/* The harness as a program, for a processor that is emulated. Another process writes arrays into a
 * file that both map at the same addresses, and commands to stdin, one a line:
 *
 *     sizes                          bytes of an entry, of a nest, of a layer of Winograd's form
 *     best; name ISA                 the best instruction set; the name of one
 *     map ADDRESS BYTES OFFSET       map a part of the file; what is not mapped may not be touched
 *     unmap ADDRESS BYTES
 *     contract NEST ISA; winograd LAYER
 *     tile NEST ISA                  algorithm, instruction set, rows and vectors of a tile
 *     request ALGORITHM; allow COUNT; blocks; release
 *     cases PART; check PART FIRST STEP ISA ITEMSIZE ALGORITHM
 *
 * Each but map, unmap, request, allow and release is answered by a line. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "contraction_contract.c"

static int is(const char *word, const char *command) { return strcmp(word, command) == 0; }

/* Obey a command that has no answer; return whether it was one. */
static int obey(const char *word, const long *n, int file) {
    if (is(word, "map")) {
        void *at = (void *)n[0];
        if (mmap(at, (size_t)n[1], PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, n[2]) != at)
            exit(3);
    } else if (is(word, "unmap")) {
        munmap((void *)n[0], (size_t)n[1]);
    } else if (is(word, "request")) {
        request((int)n[0]);
    } else if (is(word, "allow")) {
        allow(n[0]);
    } else if (is(word, "release")) {
        release();
    } else {
        return 0;
    }
    return 1;
}

static void print_tile(const Nest *nest, int isa) {
    Answer a = {0};
    rot180_ask(&a, 1);
    contract(nest, isa);
    rot180_answered();
    printf("%d %s %d %d\n", a.algorithm, rot180_isa_name(a.isa), a.rows, a.vectors);
}

static void answer_command(const char *word, const long *n) {
    static char said[4000];
    if (is(word, "sizes")) {
        printf("%zu %zu %zu\n", entry_size(), nest_size(), winograd_layer_size());
    } else if (is(word, "best")) {
        printf("%d\n", best());
    } else if (is(word, "name")) {
        printf("%s\n", isa_name((int)n[0]));
    } else if (is(word, "contract")) {
        printf("%d\n", contract((const Nest *)n[0], (int)n[1]));
    } else if (is(word, "winograd")) {
        printf("%d\n", winograd((const WinogradLayer *)n[0]));
    } else if (is(word, "tile")) {
        print_tile((const Nest *)n[0], (int)n[1]);
    } else if (is(word, "blocks")) {
        printf("%ld\n", blocks());
    } else if (is(word, "cases")) {
        printf("%ld\n", contract_cases((int)n[0]));
    } else if (is(word, "check")) {
        const int isa = (int)n[3], itemsize = (int)n[4], algorithm = (int)n[5];
        const long count =
            contract_check((int)n[0], n[1], n[2], isa, itemsize, algorithm, said, sizeof said);
        for (char *end = said; (end = strchr(end, '\n'));) *end = ';';
        printf("%ld %s\n", count, count < 0 ? said : "");
    } else {
        exit(2);
    }
    fflush(stdout);
}

int main(int count, char **arguments) {
    char line[200], word[20];
    if (count != 2) return 2;
    while (fgets(line, sizeof line, stdin)) {
        long n[6] = {0};
        sscanf(line, "%19s %ld %ld %ld %ld %ld %ld", word, n, n + 1, n + 2, n + 3, n + 4, n + 5);
        if (!obey(word, n, atoi(arguments[1]))) answer_command(word, n);
    }
    release();
    return 0;
}
