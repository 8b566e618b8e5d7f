/* What the core can do: the averager's loop, and multiplications with additions that never leave the registers. */
#include <stddef.h>

void average(float *restrict a, const float *restrict b, float s, size_t n) {
    for (size_t i = 0; i < n; i++) a[i] += s * (b[i] - a[i]);
}

enum { CHAINS = 12, LANES = 8 }; /* 12 chains of 8 lanes: enough to hide the latency of both units in 16 registers */
typedef float lanes __attribute__((vector_size(4 * LANES)));

/* Returns the operations done; `sink` keeps the work alive. */
double multiply_add(size_t rounds, float *sink) {
    lanes a[CHAINS], x = {0}, y = {0};
    x += 0.999f, y += *sink;
    for (int c = 0; c < CHAINS; c++) a[c] = y + (float)c;
    for (size_t r = 0; r < rounds; r++) {
#pragma GCC unroll 12
        for (int c = 0; c < CHAINS; c++) a[c] = a[c] * x + y;
    }
    for (int c = 1; c < CHAINS; c++) a[0] += a[c];
    *sink = a[0][0] + a[0][LANES - 1];
    return 2.0 * rounds * CHAINS * LANES;
}
