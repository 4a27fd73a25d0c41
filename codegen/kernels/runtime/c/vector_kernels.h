/* What is compiled once for each type and instruction set: copies in whole vectors. In the
 * amalgamated file the micro-kernels follow, written from templates/micro_kernels.h.jinja. No
 * guard: micro_kernels.h includes it for each set. */

#include "simd.h"
#include "type.h"
#include "workspace.h"

#ifndef ROT180_SET
#define ROT180_SET baseline
#endif

/* Copy pieces of a phase to lines of `width` entries, one a term, in whole vectors: what is too
 * much of one piece is overwritten by the next. */
TARGET static void FN(copy)(Int terms, const Int *k, const char *data, Int pieces, const Int *start,
                            const Int *length, T *to, Int width) {
    for (Int t = 0; t < terms; t++, to += width) {
        T *target = to;
        for (Int p = 0; p < pieces; target += length[p++]) {
            const T *source = (const T *)(data + k[t] + start[p]);
            for (Int x = 0; x < length[p]; x += sizeof(V) / sizeof(T))
                *(V *)(target + x) = *(const V *)(source + x);
        }
    }
}

/* Copy lines of n entries, contiguous or every second one. The last vector ends with its line. */
TARGET static void FN(copy_lines)(Int lines, Int n, Int spacing, const char *from, Int from_step,
                                  char *to, Int to_step) {
    enum { L = sizeof(V) / sizeof(T) };
    for (; lines > 0; lines--, from += from_step, to += to_step) {
        const T *source = (const T *)from;
        T *target = (T *)to;
        for (Int x = 0; x < n * spacing; x += 64 / sizeof(T)) PREFETCH(source + x + 512);
        if (spacing == 2)
            for (Int x = 0; x < n; x++) target[x] = source[2 * x];
        else if (n >= L) {
            for (Int x = 0; x < n - L; x += L) *(V *)(target + x) = *(const V *)(source + x);
            *(V *)(target + n - L) = *(const V *)(source + n - L);
        } else
            for (Int x = 0; x < n; x++) target[x] = source[x];
    }
}
