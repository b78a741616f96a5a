// Complex DFTs of any length along vectors: L independent transforms at once, real and imaginary parts apart.
//
// Stockham's autosort: each stage reads one pair of arrays and writes another, no bit reversal. A stage of radix R
// after stages of product s reads samples q + s (p + m j), j < R, and writes q + s (R p + k); its twiddle depends on
// p alone.
#pragma once

#include "plan.h"
#include "vector.h"

namespace {

// cos and sin of 2 pi j k / R. Filled at compile time by Taylor series on a reduced angle.
template <int R>
struct Roots {
    float c[R], s[R];
    constexpr Roots() : c(), s() {
        for (int t = 0; t < R; t++) {
            double x = 2 * 3.14159265358979323846 * (2 * t > R ? t - R : t) / R, power = 1;
            double even = 0, odd = 0;
            for (int n = 0; n < 40; n += 2) {
                even += power;
                odd += power * x / (n + 1);
                power *= -x * x / ((n + 1) * (n + 2));
            }
            c[t] = float(even);
            s[t] = float(odd);
        }
    }
};

template <int R>
INLINE void dft(Complex* a);

// R = A B, A and B coprime: no twiddles between them (Good and Thomas).
template <int A, int B>
INLINE void dft_coprime(Complex* a) {
    Complex t[A][B];
#pragma GCC unroll 16
    for (int i = 0; i < A; i++) {
#pragma GCC unroll 16
        for (int j = 0; j < B; j++) t[i][j] = a[(B * i + A * j) % (A * B)];
        dft<B>(t[i]);
    }
    constexpr int inverse_b = [] { int x = 1; while (x * B % A != 1) x++; return x; }();
    constexpr int inverse_a = [] { int x = 1; while (x * A % B != 1) x++; return x; }();
#pragma GCC unroll 16
    for (int j = 0; j < B; j++) {
        Complex b[A];
#pragma GCC unroll 16
        for (int i = 0; i < A; i++) b[i] = t[i][j];
        dft<A>(b);
#pragma GCC unroll 16
        for (int i = 0; i < A; i++) a[(i * B * inverse_b + j * A * inverse_a) % (A * B)] = b[i];
    }
}

// A small prime: samples in mirrored pairs.
template <int R>
INLINE void dft_prime(Complex* a) {
    constexpr Roots<R> w;
    constexpr int h = R / 2;
    Complex even[h + 1], odd[h + 1], first = a[0], sum = first;
#pragma GCC unroll 16
    for (int j = 1; j <= h; j++) {
        even[j] = a[j] + a[R - j];
        odd[j] = a[j] - a[R - j];
        sum = sum + even[j];
    }
    a[0] = sum;
#pragma GCC unroll 16
    for (int k = 1; k <= h; k++) {
        Complex u = first, v = {V{}, V{}};
#pragma GCC unroll 16
        for (int j = 1; j <= h; j++) {
            float c = w.c[j * k % R], s = w.s[j * k % R];
            u.r += even[j].r * c;
            u.i += even[j].i * c;
            v.r += odd[j].i * s;
            v.i -= odd[j].r * s;
        }
        a[k] = u + v;
        a[R - k] = u - v;
    }
}

template <int R>
INLINE void dft(Complex* a) {
    if constexpr (R == 2) {
        Complex t = a[0] - a[1];
        a[0] = a[0] + a[1];
        a[1] = t;
    } else if constexpr (R == 4) {
        Complex s = a[0] + a[2], d = a[0] - a[2], u = a[1] + a[3], v = times_minus_i(a[1] - a[3]);
        a[0] = s + u, a[2] = s - u, a[1] = d + v, a[3] = d - v;
    } else if constexpr (R == 8) {
        Complex e[4] = {a[0], a[2], a[4], a[6]}, o[4] = {a[1], a[3], a[5], a[7]};
        dft<4>(e);
        dft<4>(o);
        const float q = 0.70710678118654752f;
        Complex o1 = {(o[1].r + o[1].i) * q, (o[1].i - o[1].r) * q}, o2 = times_minus_i(o[2]);
        Complex o3 = {(o[3].i - o[3].r) * q, (o[3].r + o[3].i) * -q};
        a[0] = e[0] + o[0], a[4] = e[0] - o[0], a[1] = e[1] + o1, a[5] = e[1] - o1;
        a[2] = e[2] + o2, a[6] = e[2] - o2, a[3] = e[3] + o3, a[7] = e[3] - o3;
    } else if constexpr (R == 6) {
        dft_coprime<2, 3>(a);
    } else {
        dft_prime<R>(a);
    }
}

template <int R>
void stage(const Plan& plan, int n, int s, const V* xr, const V* xi, V* yr, V* yi) {
    int m = n / R;
    for (int p = 0; p < m; p++) {
        float c[R], d[R];
        for (int k = 1; k < R; k++) c[k] = plan.re[s * p * k], d[k] = plan.im[s * p * k];
        for (int q = 0; q < s; q++) {
            Complex a[R];
#pragma GCC unroll 16
            for (int j = 0; j < R; j++) {
                int x = q + s * (p + m * j);
                a[j] = {xr[x], xi[x]};
            }
            dft<R>(a);
            int y = q + s * R * p;
            yr[y] = a[0].r, yi[y] = a[0].i;
#pragma GCC unroll 16
            for (int k = 1; k < R; k++) {
                Complex b = p ? times(a[k], c[k], d[k]) : a[k];
                yr[y + s * k] = b.r, yi[y + s * k] = b.i;
            }
        }
    }
}

void fft(const Plan& plan, V*& r, V*& i, V*& tr, V*& ti, V* scratch);

// Writes the output of one DFT within a stage, twiddled.
struct Output {
    const Plan& plan;
    int R, s, p, q;
    V *yr, *yi;
    INLINE void operator()(int k, Complex b) const {
        if (p) {
            int t = int((long)s * p * k % plan.n);
            b = times(b, plan.re[t], plan.im[t]);
        }
        int y = q + s * (R * p + k);
        yr[y] = b.r, yi[y] = b.i;
    }
};

void stage_rader(const Plan& plan, const Rader& rader, int R, int n, int s, const V* xr, const V* xi, V* yr, V* yi,
                 V* scratch) {
    int m = n / R, size = R - 1;
    V* deeper = scratch + 4 * R;
    for (int p = 0; p < m; p++)
        for (int q = 0; q < s; q++) {
            Output put{plan, R, s, p, q, yr, yi};
            V *r = scratch, *i = scratch + R, *tr = scratch + 2 * R, *ti = scratch + 3 * R;
            int first = q + s * p, step = s * m;
            Complex zero = {xr[first], xi[first]};
            for (int a = 0; a < size; a++) {
                int x = first + step * rader.in[a];
                r[a] = xr[x], i[a] = xi[x];
            }
            fft(*rader.sub, r, i, tr, ti, deeper);
            put(0, {zero.r + r[0], zero.i + i[0]});
            for (int a = 0; a < size; a++) {
                Complex product = times({r[a], i[a]}, rader.re[a], rader.im[a]);
                r[a] = product.r, i[a] = product.i;
            }
            r[0] += zero.r, i[0] += zero.i;
            fft(*rader.sub, i, r, ti, tr, deeper);
            for (int a = 0; a < size; a++) put(rader.out[a], {r[a], i[a]});
        }
}

// A prime from 17 up: mirrored pairs, four frequencies at a time.
void stage_direct(const Plan& plan, int R, int n, int s, const V* xr, const V* xi, V* yr, V* yi, V* scratch) {
    constexpr int TOGETHER = 4;
    int m = n / R, h = R / 2, turn = plan.n / R;
    Complex *even = (Complex*)scratch, *odd = even + h + 1;
    for (int p = 0; p < m; p++)
        for (int q = 0; q < s; q++) {
            Output put{plan, R, s, p, q, yr, yi};
            auto sample = [&](int j) {
                int x = q + s * (p + m * j);
                return Complex{xr[x], xi[x]};
            };
            Complex first = sample(0), sum = first;
            for (int j = 1; j <= h; j++) {
                Complex a = sample(j), b = sample(R - j);
                even[j] = a + b, odd[j] = a - b, sum = sum + even[j];
            }
            put(0, sum);
            for (int k0 = 1; k0 <= h; k0 += TOGETHER) {
                Complex u[TOGETHER], v[TOGETHER];
                int t[TOGETHER], k[TOGETHER];
                for (int b = 0; b < TOGETHER; b++) {
                    u[b] = first, v[b] = {V{}, V{}}, t[b] = 0, k[b] = least(k0 + b, h);
                }
                for (int j = 1; j <= h; j++)
                    for (int b = 0; b < TOGETHER; b++) {
                        t[b] += k[b];
                        if (t[b] >= R) t[b] -= R;
                        float c = plan.re[t[b] * turn], d = plan.im[t[b] * turn];
                        u[b].r += even[j].r * c;
                        u[b].i += even[j].i * c;
                        v[b].r -= odd[j].i * d;
                        v[b].i += odd[j].r * d;
                    }
                for (int b = 0; b < least(TOGETHER, h - k0 + 1); b++) {
                    put(k0 + b, u[b] + v[b]);
                    put(R - k0 - b, u[b] - v[b]);
                }
            }
        }
}

// The DFT of (r, i), without a divisor, in place of them; (tr, ti) is work space, and the pairs may have changed
// roles. The inverse is the same with the names of real and imaginary parts exchanged.
void fft(const Plan& plan, V*& r, V*& i, V*& tr, V*& ti, V* scratch) {
    int n = plan.n, s = 1;
    for (int at = 0; at < plan.stages; at++) {
        int R = plan.radix[at];
        switch (R) {
#define STAGE(R)                               \
    case R:                                    \
        stage<R>(plan, n, s, r, i, tr, ti);    \
        break;
            STAGE(2) STAGE(3) STAGE(4) STAGE(5) STAGE(6) STAGE(7) STAGE(8) STAGE(11) STAGE(13)
#undef STAGE
            default:
                if (plan.rader[at])
                    stage_rader(plan, *plan.rader[at], R, n, s, r, i, tr, ti, scratch);
                else
                    stage_direct(plan, R, n, s, r, i, tr, ti, scratch);
        }
        n /= R;
        s *= R;
        V* swap = r;
        r = tr, tr = swap;
        swap = i;
        i = ti, ti = swap;
    }
}

}  // namespace
