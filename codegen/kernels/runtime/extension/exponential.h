/* exp without a branch, so that loops over it become vector code. Included once for each type, with
 * `real`, the integer `bits` of its size and the constants of EXP_*, which are printed from the
 * exact values of log 2 and 1/k!.
 *
 *     exp(t) = 2^n exp(r), n = round(t / log 2), |r| <= log(2)/2 and a little.
 *
 * 2^n is the product of two powers, for it may overflow or underflow alone. Ends are those of the
 * type: beyond EXP_MOST the result is infinite, below EXP_LEAST it is 0; NaN stays NaN. */

/* Return 2^n: EXP_SHIFT plus the bias of exponents has n and the bias in its last bits. */
static ROT180_ALWAYS real EXP_(power)(real n) {
    real sum = n + (EXP_SHIFT + EXP_BIAS);
    bits word;
    memcpy(&word, &sum, sizeof word);
    word <<= EXP_DIGITS;
    memcpy(&sum, &word, sizeof sum);
    return sum;
}

static ROT180_ALWAYS real EXP_(exp)(real t) {
    t = t > EXP_MOST ? EXP_MOST : t;
    t = t < EXP_LEAST ? EXP_LEAST : t;
    const real n = (t * EXP_INVERSE + EXP_SHIFT) - EXP_SHIFT; /* rounds */
    const real r = (t - n * EXP_HIGH) - n * EXP_LOW;
    const real half = (n * (real)0.5 + EXP_SHIFT) - EXP_SHIFT;
    return EXP_SERIES(r) * EXP_(power)(half) * EXP_(power)(n - half);
}
