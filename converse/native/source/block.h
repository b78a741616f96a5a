// The pointwise halves of a block, strip of pixels by strip of pixels: between reading and writing all stays in cache.
//
//   enter: out = GELU(W norm(x) + b), or without GELU        leave: out = x + alpha (W GELU(y) + b)
//
// Norm is folded into W: with n = (x - mean) / sigma, W norm(x) + b = (W gain) n + (W shift + b). Backward only sums
// products over pixels (for enter grad_a n', for leave GELU(y) grad'): what belongs to a parameter follows from them.
#pragma once

#include "arena.h"
#include "gelu.h"
#include "maps.h"

namespace {

constexpr int STRIP = 96;              // pixels at a time, whole tiles at every width
constexpr int M = L == 16 ? 8 : 4;     // rows of a tile: as many sums as registers hold
constexpr int N = 3;                   // and vectors
constexpr int64_t MOST_ITEMS = 64, STRIPS_AN_ITEM = 5;

// to(m, v) += sum_k a(m, k) b(k, v) for one tile, a(m, k) at a[m row + k step].
template <int VECTORS>
INLINE void tile(const float* a, size_t row, size_t step, const float* b, size_t b_step, int depth, float* to,
                 size_t to_step, bool adds) {
    V sum[M][VECTORS] = {};
    for (int k = 0; k < depth; k++) {
        V line[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) line[v] = load(b + k * b_step + v * L);
#pragma GCC unroll 8
        for (int m = 0; m < M; m++) {
            float factor = a[m * row + k * step];
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++) sum[m][v] += factor * line[v];
        }
    }
#pragma GCC unroll 8
    for (int m = 0; m < M; m++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            float* place = to + m * to_step + v * L;
            store(place, adds ? load(place) + sum[m][v] : sum[m][v]);
        }
}

// All tiles: `rows` is a multiple of M; `block` leads from M rows of a to the next.
INLINE void product(const float* a, size_t row, size_t step, size_t block, const float* b, size_t b_step, int depth,
                    float* to, size_t to_step, int rows, int vectors, bool adds) {
    for (int r = 0; r < rows; r += M, a += block, to += M * to_step)
        for (int v = 0, n; v < vectors; v += n) {
            int left = vectors - v, tiles = (left + N - 1) / N;
            n = (left + tiles - 1) / tiles;
            if (n == 3) tile<3>(a, row, step, b + v * L, b_step, depth, to + v * L, to_step, adds);
            else if (n == 2) tile<2>(a, row, step, b + v * L, b_step, depth, to + v * L, to_step, adds);
            else tile<1>(a, row, step, b + v * L, b_step, depth, to + v * L, to_step, adds);
        }
}

// A matrix as `product` reads it fastest: M rows side by side, those beyond the last zero.
struct Packed {
    float* values;
    int rows, depth;

    template <class At>
    INLINE void fill(int true_rows, At at) const {
        for (int r = 0; r < rows; r++)
            for (int k = 0; k < depth; k++)
                values[((size_t)(r / M) * depth + k) * M + r % M] = r < true_rows ? at(r, k) : 0;
    }
    INLINE void times(const float* b, float* to, int vectors) const {
        product(values, 1, M, (size_t)M * depth, b, STRIP, depth, to, STRIP, rows, vectors, false);
    }
};

INLINE float total(V v) {
    float sum = 0;
    for (int l = 0; l < L; l++) sum += v[l];
    return sum;
}

struct Pointwise {
    const Block& a;
    int lanes, channel_rows, hidden_rows;  // channels in whole vectors; rows in whole tiles
    Packed forward, backward;
    float *bias;
    float *narrow, *gradient, *turned;  // (channels, STRIP), twice; (STRIP, lanes)
    float *wide, *slope, *product_wide;  // (hidden, STRIP)
    float* inverse;                      // 1 / sigma of each pixel
    int64_t image = 0, first = 0;        // of the present strip
    int n = 0, width = 0;                // its pixels; the same in whole tiles

    INLINE Pointwise(const Block& a, Arena& arena) : a(a) {
        lanes = rounded_up(a.channels, L);
        channel_rows = most(lanes, rounded_up(a.channels, M)), hidden_rows = rounded_up(a.hidden, M);
        int c = rounded_up(a.channels, M);
        forward = {nullptr, a.enters ? hidden_rows : c, a.enters ? a.channels : a.hidden};
        backward = {nullptr, a.enters ? c : hidden_rows, a.enters ? a.hidden : a.channels};
        Packed& used = a.grad ? backward : forward;
        used.values = arena.take<float>((size_t)used.rows * used.depth);
        bias = arena.take<float>(forward.rows);
        size_t small = (size_t)channel_rows * STRIP, large = (size_t)hidden_rows * STRIP;
        narrow = arena.take<float>(small);
        gradient = arena.take<float>(small);
        wide = arena.take<float>(large);
        bool returns = a.grad && !a.enters;
        slope = arena.take<float>(returns ? large : STRIP);
        product_wide = arena.take<float>(returns ? large : 0);
        turned = arena.take<float>(a.grad ? (size_t)STRIP * lanes : 0);
        inverse = arena.take<float>(STRIP);
        if (!arena.holds()) return;
        memset(narrow, 0, small * 4);
        memset(wide, 0, large * 4);
        fold();
    }

    // The matrix with what scales its columns (gain) or rows (alpha); the other factors in its bias.
    INLINE void fold() {
        auto weight = [&](int row, int k) {
            float w = a.weight[(size_t)row * (a.enters ? a.channels : a.hidden) + k];
            return !a.gain ? w : w * a.gain[a.enters ? k : row];
        };
        int rows = a.enters ? a.hidden : a.channels;
        if (a.grad) {
            backward.fill(backward.depth == a.hidden ? a.channels : a.hidden, [&](int r, int k) { return weight(k, r); });
            return;
        }
        forward.fill(rows, weight);
        for (int r = 0; r < rows; r++) {
            double b = a.bias[r];
            for (int k = 0; a.enters && k < a.channels; k++) b += (double)a.weight[(size_t)r * a.channels + k] * a.shift[k];
            bias[r] = (float)(!a.enters && a.gain ? b * a.gain[r] : b);
        }
    }

    // Where row `row` of the present strip lies in a tensor of that many rows.
    INLINE int64_t place(int row, int rows) const { return (image * rows + row) * a.pixels + first; }

    // The same row of the next strip: rows are too short and too many for the processor to see a pattern.
    INLINE void prefetch(const float* row) const {
        for (int p = 0; p < STRIP; p += 16) __builtin_prefetch(row + STRIP + p);
    }

    INLINE void write(float* tensor, int rows, int row, const float* from) const {
        float* to = tensor + place(row, rows);
        copy(to, from, n);
        for (int p = 0; p < STRIP; p += 16) __builtin_prefetch(to + STRIP + p, 1);
    }

    INLINE void read(const float* tensor, int rows, float* to) const {
        for (int r = 0; r < rows; r++, to += STRIP) {
            const float* from = tensor + place(r, rows);
            copy(to, from, n);
            for (int p = n; p < width; p++) to[p] = 0;
            prefetch(from);
        }
    }

    // narrow = (x - mean) / sigma
    INLINE void normalise() {
        read(a.x, a.channels, narrow);
        for (int p = 0; p < width; p += N * L) {
            V mean[N] = {}, square[N] = {};
            each(p, [&](int v, float* x) { mean[v] += load(x); });
            for (V& m : mean) m /= (float)a.channels;
            each(p, [&](int v, float* x) {
                V centred = load(x) - mean[v];
                square[v] += centred * centred;
                store(x, centred);
            });
            for (int v = 0; v < N; v++) store(inverse + p + v * L, square[v] / (float)a.channels + a.eps);
            for (int q = p; q < p + N * L; q++) inverse[q] = 1 / __builtin_sqrtf(inverse[q]);
            each(p, [&](int v, float* x) { store(x, load(x) * load(inverse + p + v * L)); });
        }
    }

    // Body(v, place in narrow) for all channels of the N vectors at pixel p.
    template <class Body>
    INLINE void each(int p, Body body) const {
        for (int c = 0; c < a.channels; c++)
#pragma GCC unroll 4
            for (int v = 0; v < N; v++) body(v, narrow + (size_t)c * STRIP + p + v * L);
    }

    INLINE void enter() {
        normalise();
        forward.times(narrow, wide, width / L);
        for (int j = 0; j < a.hidden; j++) {
            float* row = wide + (size_t)j * STRIP;
            for (int p = 0; p < width; p += L) {
                V value = load(row + p) + bias[j], d;
                if (a.activates) {
                    gelu(value, value, d);
                    store(slope + p, d);
                }
                store(row + p, value);
            }
            write(a.out, a.hidden, j, row);
            if (a.slope) write(a.slope, a.hidden, j, slope);
        }
    }

    INLINE void leave() {
        read(a.y, a.hidden, wide);
        for (float* row = wide; row < wide + (size_t)a.hidden * STRIP; row += STRIP)
            for (int p = 0; p < width; p += L) {
                V value, d;
                gelu(load(row + p), value, d);
                store(row + p, value);
            }
        read(a.x, a.channels, narrow);
        forward.times(wide, gradient, width / L);
        for (int c = 0; c < a.channels; c++) {
            float *row = gradient + (size_t)c * STRIP, *residual = narrow + (size_t)c * STRIP;
            for (int p = 0; p < width; p += L) store(row + p, load(residual + p) + (load(row + p) + bias[c]));
            write(a.out, a.channels, c, row);
        }
    }

    // sums (hidden, lanes) += wide times narrow, over pixels; bias_sums += those of the gradient's rows.
    INLINE void sum_up(float* sums, float* bias_sums) {
        for (int c = 0; c < lanes; c += L)
            for (int p = 0; p < width; p += L) {
                V block[L];
                for (int l = 0; l < L; l++) block[l] = load(narrow + (size_t)(c + l) * STRIP + p);
                transpose(block);
                for (int l = 0; l < L; l++) store(turned + (size_t)(p + l) * lanes + c, block[l]);
            }
        product(wide, STRIP, 1, (size_t)M * STRIP, turned, lanes, width, sums, lanes, hidden_rows, lanes / L, true);
        const float* row = a.enters ? wide : narrow;
        for (int r = 0; r < (a.enters ? a.hidden : a.channels); r++, row += STRIP) {
            V sum = {};
            for (int p = 0; p < width; p += L) sum += load(row + p);
            bias_sums[r] += total(sum);
        }
    }

    INLINE void enter_backward(float* sums, float* bias_sums) {
        normalise();
        read(a.grad, a.hidden, wide);
        for (int j = 0; a.slope && j < a.hidden; j++) {
            const float* d = a.slope + place(j, a.hidden);
            float* row = wide + (size_t)j * STRIP;
            int p = 0;
            for (; p + L <= n; p += L) store(row + p, load(row + p) * load(d + p));
            for (; p < n; p++) row[p] *= d[p];
            prefetch(d);
        }
        if (sums) sum_up(sums, bias_sums);
        if (!a.out) return;
        backward.times(wide, gradient, width / L);
        ptrdiff_t other = gradient - narrow;
        for (int p = 0; p < width; p += N * L) {
            V mean[N] = {}, slant[N] = {};
            each(p, [&](int v, float* x) {
                mean[v] += load(x + other);
                slant[v] += load(x + other) * load(x);
            });
            for (int v = 0; v < N; v++) mean[v] /= (float)a.channels, slant[v] /= (float)a.channels;
            each(p, [&](int v, float* x) {
                V change = load(x + other) - mean[v] - load(x) * slant[v];
                store(x + other, change * load(inverse + p + v * L));
            });
        }
        for (int c = 0; c < a.channels; c++) write(a.out, a.channels, c, gradient + (size_t)c * STRIP);
    }

    INLINE void leave_backward(float* sums, float* bias_sums) {
        read(a.grad, a.channels, narrow);
        read(a.y, a.hidden, wide);
        for (size_t at = 0; at < (size_t)a.hidden * STRIP; at += STRIP)
            for (int p = 0; p < width; p += L) {
                V value, d;
                gelu(load(wide + at + p), value, d);
                store(wide + at + p, value);
                store(slope + at + p, d);
            }
        // Beyond the last pixel GELU(0) = 0 stands, and a gradient of 0.
        if (sums) sum_up(sums, bias_sums);
        if (!a.out) return;
        backward.times(narrow, product_wide, width / L);
        for (int j = 0; j < a.hidden; j++) {
            float *row = product_wide + (size_t)j * STRIP, *d = slope + (size_t)j * STRIP;
            for (int p = 0; p < width; p += L) store(row + p, load(row + p) * load(d + p));
            write(a.out, a.hidden, j, row);
        }
    }
};

INLINE int64_t strips_an_image(const Block& a) { return (a.pixels + STRIP - 1) / STRIP; }

// Independent pieces of work; backward, each has sums of its own. Does not depend on the number of threads.
int64_t block_items(const Block* a) {
    int64_t items = a->batch * strips_an_image(*a) / STRIPS_AN_ITEM;
    return items < 1 ? 1 : items < MOST_ITEMS ? items : MOST_ITEMS;
}

// Floats of one item's sums; 0: none are asked for.
int64_t block_sums(const Block* a) {
    if (!a->dweight) return 0;
    return (int64_t)rounded_up(a->hidden, M) * rounded_up(a->channels, L) + most(a->hidden, a->channels);
}

int run_block(const Block* a, int64_t* next, float* sums) {
    Arena arena;
    Pointwise(*a, arena);
    arena.memory = (char*)aligned_alloc(64, (arena.used + 63) / 64 * 64);
    if (!arena.memory) return 1;
    arena.used = 0, arena.pieces = 0;
    Pointwise work(*a, arena);
    int64_t items = block_items(a), strips = strips_an_image(*a), all = a->batch * strips, room = block_sums(a);
    for (int64_t item; (item = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < items;) {
        float* own = room ? sums + item * room : nullptr;
        float* own_bias = own ? own + (int64_t)work.hidden_rows * work.lanes : nullptr;
        if (own) memset(own, 0, room * sizeof(float));
        for (int64_t strip = item * all / items; strip < (item + 1) * all / items; strip++) {
            work.image = strip / strips, work.first = strip % strips * STRIP;
            int64_t left = a->pixels - work.first;
            work.n = left < STRIP ? (int)left : STRIP;
            work.width = rounded_up(work.n, N * L);
            if (a->enters && a->grad) work.enter_backward(own, own_bias);
            else if (a->enters) work.enter();
            else if (a->grad) work.leave_backward(own, own_bias);
            else work.leave();
        }
    }
    free(arena.memory);
    return 0;
}

// The parameters' gradients from all sums. In double precision: those of norm and alpha are sums over the weights too.
void finish_block(const Block* a, float* sums) {
    int lanes = rounded_up(a->channels, L), rows = a->enters ? a->hidden : a->channels;
    int64_t items = block_items(a), room = block_sums(a), bias_at = (int64_t)rounded_up(a->hidden, M) * lanes;
    auto summed = [&](int64_t at) {
        double sum = 0;
        for (int64_t i = 0; i < items; i++) sum += sums[i * room + at];
        return sum;
    };
    for (int c = 0; c < a->channels; c++) {
        double gain = 0, shift = 0;
        for (int j = 0; j < a->hidden; j++) {
            double sum = summed((int64_t)j * lanes + c);
            size_t at = a->enters ? (size_t)j * a->channels + c : (size_t)c * a->hidden + j;
            double bias = a->enters ? summed(bias_at + j) : 0;
            a->dweight[at] = (float)((a->gain ? a->gain[c] * sum : sum) + (a->enters ? bias * a->shift[c] : 0));
            gain += a->weight[at] * sum;
            shift += a->weight[at] * bias;
        }
        if (!a->enters) gain += summed(bias_at + c) * a->bias[c];
        if (a->dgain) a->dgain[c] = (float)gain;
        if (a->dshift) a->dshift[c] = (float)shift;
    }
    for (int r = 0; r < rows; r++)
        a->dbias[r] = (float)(summed(bias_at + r) * (!a->enters && a->gain ? a->gain[r] : 1));
}

}  // namespace
