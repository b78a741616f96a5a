// The transfer function of the operator and the gradients of its parameters, channel by channel.
//
// With F_p, P, q, G_p, W, S_p, Z_p as converse/mathematics/spectral.py has them. A small kernel's F_p needs no FFT: it
// is a sum over taps, taken along the rows first. It is summed in double precision, because near a null of F_p the
// taps cancel and |F_p|^2 / lam decides the answer; once rounded, no later step loses digits that matter.
// Taps m and -m share their cosines and sines, and so do frequencies w and -w: a quarter of the products.
#pragma once

#include <cmath>

#include "arena.h"
#include "plan.h"
#include "problem.h"
#include "vector.h"

namespace {

// Real and imaginary part of HALF neighbouring frequencies.
struct Narrow {
    F r, i;
};
struct Wide {
    D r, i;
};

// How the taps of one axis fall on the phases: tap t belongs to phase (o - t) mod s, shifted by floor((o - t) / s).
struct Axis {
    int reach;  // the largest shift in size
    int scale, taps;
    INLINE int shift(int t) const { return (taps / 2 - t - phase(t)) / scale; }
    INLINE int phase(int t) const { return ((taps / 2 - t) % scale + scale) % scale; }
    Axis(int taps, int scale) : reach(0), scale(scale), taps(taps) {
        for (int t = 0; t < taps; t++) reach = most(reach, shift(t) < 0 ? -shift(t) : shift(t));
    }
};

// What all channels of one call share.
struct Grid {
    int rows, columns, bins;  // frequencies: all columns, half of the rows
    int scale, phases;
    Axis vertical, horizontal;
    int padded_bins;
    double *cos_rows, *sin_rows;        // (reach + 1, padded_bins), of 2 pi k m / rows
    double *cos_columns, *sin_columns;  // (reach + 1, columns / 2 + 1)
    double* taps;                       // (phases, 2 reach + 1, 2 reach + 1) of one channel, vertical first
    D* folded;                          // (phases, 2 reach_h + 1) complex: e_0, then e_m, o_m
    F* mirrored;                        // (phases, columns / 2 + 1) of four: sum and difference of S_p at w and -w
    bool nearest;

    Grid(const Problem& a, Arena& arena)
        : rows(a.height + 2 * a.padding_rows),
          columns(a.width + 2 * a.padding_columns),
          bins(rows / 2 + 1),
          scale(a.scale),
          phases(a.scale * a.scale),
          vertical(a.kernel_height, a.scale),
          horizontal(a.kernel_width, a.scale),
          padded_bins(rounded_up(bins, L)),
          nearest(a.nearest) {
        int mh = vertical.reach, mw = horizontal.reach, half = half_columns();
        cos_rows = arena.take<double>((size_t)(mh + 1) * padded_bins);
        sin_rows = arena.take<double>((size_t)(mh + 1) * padded_bins);
        cos_columns = arena.take<double>((size_t)(mw + 1) * half);
        sin_columns = arena.take<double>((size_t)(mw + 1) * half);
        taps = arena.take<double>((size_t)phases * (2 * mh + 1) * bandwidth());
        folded = arena.take<D>((size_t)phases * 2 * bandwidth());
        mirrored = arena.take<F>((size_t)phases * half * 4);
        if (!arena.holds()) return;
        fill(cos_rows, sin_rows, *plan_of(rows), mh, bins, padded_bins);
        fill(cos_columns, sin_columns, *plan_of(columns), mw, half, half);
    }

    static void fill(double* cosines, double* sines, const Plan& plan, int reach, int count, int stride) {
        for (int m = 0; m <= reach; m++) {
            double *c = cosines + (size_t)m * stride, *s = sines + (size_t)m * stride;
            for (int k = 0, turn = 0, step = m % plan.n; k < stride; k++) {
                c[k] = k < count ? plan.cos[turn] : 0, s[k] = k < count ? plan.sin[turn] : 0;
                turn += step;
                if (turn >= plan.n) turn -= plan.n;
            }
        }
    }

    INLINE int bandwidth() const { return 2 * horizontal.reach + 1; }
    INLINE int half_columns() const { return columns / 2 + 1; }

    void set_channel(const double* kernel) {
        int mh = vertical.reach, mw = horizontal.reach, size = (2 * mh + 1) * (2 * mw + 1);
        memset(taps, 0, sizeof(double) * phases * size);
        for (int a = 0; a < vertical.taps; a++)
            for (int b = 0; b < horizontal.taps; b++)
                taps[tap(a, b)] = kernel[a * horizontal.taps + b];
    }
    INLINE int tap(int a, int b) const {
        int mh = vertical.reach, mw = horizontal.reach;
        int phase = vertical.phase(a) * scale + horizontal.phase(b);
        return (phase * (2 * mh + 1) + mh + vertical.shift(a)) * (2 * mw + 1) + mw + horizontal.shift(b);
    }

    // Sum the taps along the rows, for frequencies k0 .. k0 + HALF.
    void fold(int k0) {
        int mh = vertical.reach, mw = horizontal.reach, band = bandwidth();
        for (int p = 0; p < phases; p++) {
            const double* t = taps + (size_t)p * (2 * mh + 1) * band + mh * band + mw;  // at shift (0, 0)
            auto sum = [&](int column) {
                Wide f = {D{} + t[column], D{}};
                for (int m = 1; m <= mh; m++) {
                    double up = t[m * band + column], down = t[-m * band + column];
                    f.r += (up + down) * load_double(cos_rows + (size_t)m * padded_bins + k0);
                    f.i += (up - down) * load_double(sin_rows + (size_t)m * padded_bins + k0);
                }
                return f;
            };
            D* e = folded + (size_t)p * 2 * band;
            Wide f = sum(0);
            e[0] = f.r, e[1] = f.i;
            for (int m = 1; m <= mw; m++) {
                Wide a = sum(m), b = sum(-m);
                D* target = e + 4 * m - 2;
                target[0] = a.r + b.r, target[1] = a.i + b.i, target[2] = a.r - b.r, target[3] = a.i - b.i;
            }
        }
    }

    // F_p at column frequencies w and -w, for the frequencies of the last fold.
    INLINE void otf(int p, int w, Narrow& plus, Narrow& minus) const {
        const D* e = folded + (size_t)p * 2 * bandwidth();
        D er = e[0], ei = e[1], orr = D{}, oi = D{};
        for (int m = 1; m <= horizontal.reach; m++) {
            double c = cos_columns[m * half_columns() + w], s = sin_columns[m * half_columns() + w];
            const D* t = e + 4 * m - 2;
            er += t[0] * c, ei += t[1] * c, orr += t[2] * s, oi += t[3] * s;
        }
        plus = {narrow(er - oi), narrow(ei + orr)};
        minus = {narrow(er + oi), narrow(ei - orr)};
    }
};

constexpr float TINY = 1e-30f;  // floor of lam, below which it has no gradient: 0 at a null of the kernel is no NaN

// What the phases of one frequency have in common: 1 / P and q.
struct Shared {
    F inverse;
    Narrow q;
};

INLINE Shared shared(const Narrow* f, int phases, float lam, bool nearest) {
    F power = F{} + lam;
    Narrow sum = {F{} + 1.0f, F{}};
    for (int p = 0; p < phases; p++) {
        power += f[p].r * f[p].r + f[p].i * f[p].i;
        sum.r -= f[p].r, sum.i -= f[p].i;
    }
    F inverse = 1.0f / power;
    if (!nearest) return {inverse, {inverse, F{}}};
    return {inverse, {sum.r * inverse, sum.i * inverse}};
}

INLINE Narrow gain(Narrow f, const Shared& c, int phases, float lam, bool nearest) {
    if (nearest && phases == 1) return {(f.r + lam) * c.inverse, -f.i * c.inverse};  // no digits lost where G is small
    Narrow g = {f.r * c.q.r + f.i * c.q.i, f.r * c.q.i - f.i * c.q.r};
    if (nearest) g.r += 1.0f;
    return g;
}

// Blocks of HALF frequencies that cover all bins; the last one overlaps the one before, or is cut off.
template <class Body>
INLINE void blocks_of_bins(int bins, Body body) {
    for (int k0 = 0; k0 < bins; k0 += HALF) {
        int start = bins < HALF ? 0 : least(k0, bins - HALF);
        body(start, k0 - start, least(HALF, bins));  // first frequency, how many of them were done before, how many
    }
}

// The first `count` of HALF floats; what lies behind belongs to another channel, and may not be finite.
INLINE F load_first(const float* p, int count) { return below<IF>(count) ? load_half(p) : F{}; }

// Write G_p of one channel, times `factor`, to `copies` places.
//   g: plane (phase, w, part) begins at ((phase columns + w) 2 + part) stride; copy c of the bins at c distance.
template <int PHASES>
void write_gain(Grid& grid, const double* kernel, double lam_, float factor, float* g, size_t stride, int copies,
                int distance, Narrow* work) {
    float lam = lam_ < TINY ? TINY : (float)lam_;  // NaN stays
    int phases = PHASES ? PHASES : grid.phases, columns = grid.columns;
    bool nearest = grid.nearest;
    Narrow *plus = work, *minus = work + phases;
    grid.set_channel(kernel);
    blocks_of_bins(grid.bins, [&](int k0, int, int count) {
        grid.fold(k0);
        for (int w = 0; w < grid.half_columns(); w++) {
            for (int p = 0; p < phases; p++) grid.otf(p, w, plus[p], minus[p]);
            for (int side = 0; side < (w && 2 * w != columns ? 2 : 1); side++) {
                const Narrow* f = side ? minus : plus;
                Shared c = shared(f, phases, lam, nearest);
                for (int p = 0; p < phases; p++) {
                    Narrow value = gain(f[p], c, phases, lam, nearest);
                    float* at = g + ((size_t)p * columns + (side ? columns - w : w)) * 2 * stride + k0;
                    for (int n = 0; n < copies; n++, at += distance) {
                        store_first(at, value.r * factor, count);
                        store_first(at + stride, value.i * factor, count);
                    }
                }
            }
        }
    });
}

INLINE double total(D v) {
    double s = 0;
    for (int l = 0; l < HALF; l++) s += v[l];
    return s;
}

// Gradients of kernel and lam of one channel from Z_p, which lies as G_p does in write_gain; its copies are added up.
template <int PHASES>
void write_gradients(Grid& grid, const double* kernel, double lam_, double factor, const float* z, size_t stride,
                     int copies, int distance, Narrow* work, double* dkernel, double* dlam) {
    float lam = lam_ < TINY ? TINY : (float)lam_;  // NaN stays
    int phases = PHASES ? PHASES : grid.phases, columns = grid.columns;
    int mh = grid.vertical.reach, mw = grid.horizontal.reach, band = grid.bandwidth(), half = grid.half_columns();
    bool nearest = grid.nearest;
    Narrow *f[2] = {work, work + phases}, *s[2] = {work + 2 * phases, work + 3 * phases}, *zs = work + 4 * phases;
    grid.set_channel(kernel);
    double lam_sum = 0, *sums = (double*)(work + 5 * phases);  // as grid.taps
    memset(sums, 0, sizeof(double) * phases * (2 * mh + 1) * band);
    blocks_of_bins(grid.bins, [&](int k0, int done, int count) {
        D weight = {};
        for (int l = done; l < count; l++) weight[l] = k0 + l == 0 || 2 * (k0 + l) == grid.rows ? factor : 2 * factor;
        D lam_part = {};
        grid.fold(k0);
        for (int w = 0; w < half; w++) {
            for (int p = 0; p < phases; p++) grid.otf(p, w, f[0][p], f[1][p]);
            bool two = w && 2 * w != columns;
            for (int side = 0; side < 1 + two; side++) {
                Shared c = shared(f[side], phases, lam, nearest);
                Narrow W = {F{}, F{}};
                for (int p = 0; p < phases; p++) {
                    const float* at = z + ((size_t)p * columns + (side ? columns - w : w)) * 2 * stride + k0;
                    Narrow sum = {load_first(at, count), load_first(at + stride, count)};
                    for (int n = 1; n < copies; n++) {
                        at += distance;
                        sum.r += load_first(at, count), sum.i += load_first(at + stride, count);
                    }
                    zs[p] = sum;
                    W.r += f[side][p].r * sum.r - f[side][p].i * sum.i;
                    W.i += f[side][p].r * sum.i + f[side][p].i * sum.r;
                }
                W.r *= c.inverse, W.i *= c.inverse;
                lam_part += widen(W.r * c.q.r + W.i * c.q.i);
                for (int p = 0; p < phases; p++) {
                    Narrow F_p = f[side][p], G = gain(F_p, c, phases, lam, nearest);
                    F dr = zs[p].r - (F_p.r * W.r + F_p.i * W.i), di = zs[p].i - (F_p.r * W.i - F_p.i * W.r);
                    s[side][p] = {c.q.r * dr + c.q.i * di - (G.r * W.r + G.i * W.i),
                                  c.q.r * di - c.q.i * dr - (G.i * W.r - G.r * W.i)};
                }
            }
            for (int p = 0; p < phases; p++) {
                F* m = grid.mirrored + ((size_t)p * half + w) * 4;
                Narrow a = s[0][p], b = two ? s[1][p] : Narrow{F{}, F{}};
                m[0] = a.r + b.r, m[1] = a.i + b.i, m[2] = a.r - b.r, m[3] = a.i - b.i;
            }
        }
        lam_sum += total(lam_part * weight);
        for (int p = 0; p < phases; p++)
            for (int m = 0; m <= mw; m++) {
                D even_r = {}, even_i = {}, odd_r = {}, odd_i = {};
                const double *cosines = grid.cos_columns + m * half, *sines = grid.sin_columns + m * half;
                constexpr int SPAN = 32;  // terms added up in single precision
                for (int w0 = 0; w0 < half; w0 += SPAN) {
                    F er = {}, ei = {}, orr = {}, oi = {};
                    const F* t = grid.mirrored + ((size_t)p * half + w0) * 4;
                    for (int w = w0; w < least(w0 + SPAN, half); w++, t += 4) {
                        float c = (float)cosines[w], d = (float)sines[w];
                        er += t[0] * c, ei += t[1] * c, orr += t[2] * d, oi += t[3] * d;
                    }
                    even_r += widen(er), even_i += widen(ei), odd_r += widen(orr), odd_i += widen(oi);
                }
                // The sum over w of S_p exp(2 pi i w m / columns), and the same for -m.
                D ar = (even_r - odd_i) * weight, ai = (even_i + odd_r) * weight;
                D br = (even_r + odd_i) * weight, bi = (even_i - odd_r) * weight;
                double* target = sums + (size_t)p * (2 * mh + 1) * band + mh * band + mw;
                for (int n = 0; n <= mh; n++) {
                    D c = load_double(grid.cos_rows + (size_t)n * grid.padded_bins + k0);
                    D d = load_double(grid.sin_rows + (size_t)n * grid.padded_bins + k0);
                    double x = total(ar * c), y = total(ai * d), u = total(br * c), v = total(bi * d);
                    target[n * band + m] += x - y;
                    if (n) target[-n * band + m] += x + y;
                    if (m) target[n * band - m] += u - v;
                    if (n && m) target[-n * band - m] += u + v;
                }
            }
    });
    *dlam = lam_ < TINY ? 0 : -lam_sum;
    for (int a = 0; a < grid.vertical.taps; a++)
        for (int b = 0; b < grid.horizontal.taps; b++)
            dkernel[a * grid.horizontal.taps + b] = sums[grid.tap(a, b)];
}

}  // namespace
