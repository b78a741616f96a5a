// Vectors of LANES floats, whatever the instruction set. Compiled once for each; all names are internal, so that the
// linker never merges a function of one instruction set with that of another.
#pragma once

#include <cstdint>
#include <cstring>

#define INLINE inline __attribute__((always_inline))

namespace {

constexpr int L = LANES, HALF = LANES / 2;

typedef float V __attribute__((vector_size(4 * LANES)));
typedef int32_t I __attribute__((vector_size(4 * LANES)));
typedef float F __attribute__((vector_size(2 * LANES)));   // half as many floats,
typedef int32_t IF __attribute__((vector_size(2 * LANES)));
typedef double D __attribute__((vector_size(4 * LANES)));  // and as many doubles

typedef float UnalignedV __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float UnalignedF __attribute__((vector_size(2 * LANES), aligned(4), may_alias));
typedef double UnalignedD __attribute__((vector_size(4 * LANES), aligned(8), may_alias));

INLINE V load(const float* p) { return *(const UnalignedV*)p; }
INLINE void store(float* p, V v) { *(UnalignedV*)p = v; }
INLINE F load_half(const float* p) { return *(const UnalignedF*)p; }
INLINE void store_half(float* p, F v) { *(UnalignedF*)p = v; }
INLINE D load_double(const double* p) { return *(const UnalignedD*)p; }
INLINE F narrow(D v) { return __builtin_convertvector(v, F); }
INLINE D widen(F v) { return __builtin_convertvector(v, D); }

// Lanes of a vector of integers that are below `count`.
template <class Lanes>
INLINE Lanes below(int count) {
    Lanes lane;
    for (int l = 0; l < (int)(sizeof(Lanes) / 4); l++) lane[l] = l;
    return lane < count;
}

// The first `count` floats of a vector, and what stood behind them there.
INLINE void store_first(float* p, V v, int count) {
    if (count < L) v = below<I>(count) ? v : load(p);
    store(p, v);
}
INLINE void store_first(float* p, F v, int count) {
    if (count < HALF) v = below<IF>(count) ? v : load_half(p);
    store_half(p, v);
}

INLINE int rounded_up(int n, int step) { return (n + step - 1) / step * step; }
INLINE int least(int a, int b) { return a < b ? a : b; }
INLINE int most(int a, int b) { return a > b ? a : b; }

struct Complex {
    V r, i;
};
INLINE Complex operator+(Complex a, Complex b) { return {a.r + b.r, a.i + b.i}; }
INLINE Complex operator-(Complex a, Complex b) { return {a.r - b.r, a.i - b.i}; }
INLINE Complex times(Complex a, float r, float i) { return {a.r * r - a.i * i, a.r * i + a.i * r}; }
INLINE Complex times_minus_i(Complex a) { return {a.i, -a.r}; }

// The L x L transpose, by exchanging halves, quarters, ...
template <int H>
INLINE void exchange(V* a) {
    if constexpr (H >= 1) {
        I low, high;
        for (int j = 0; j < L; j++) {
            low[j] = (j & H) ? L + (j - H) : j;
            high[j] = (j & H) ? L + j : j + H;
        }
        for (int i = 0; i < L; i++)
            if (!(i & H)) {
                V x = a[i], y = a[i + H];
#ifdef __clang__
                for (int j = 0; j < L; j++) {
                    a[i][j] = low[j] < L ? x[low[j]] : y[low[j] - L];
                    a[i + H][j] = high[j] < L ? x[high[j]] : y[high[j] - L];
                }
#else
                a[i] = __builtin_shuffle(x, y, low);
                a[i + H] = __builtin_shuffle(x, y, high);
#endif
            }
        exchange<H / 2>(a);
    }
}
INLINE void transpose(V* a) { exchange<L / 2>(a); }

}  // namespace
