// The operator at scale 1 on maps whose spectrum fits one block's shared memory: a pair of maps of one channel is
// padded, transformed, multiplied by the transfer function, transformed back and cropped without leaving it.
//
// Two samples of one channel are the real and the imaginary part of one complex map z = a + i b. The filter is real,
// so its transfer function G multiplies the spectrum of z, and real and imaginary part of the result are the two
// filtered maps; nothing is taken apart. The forward transform decimates in frequency and the inverse in time, both in
// place, so frequencies stay in the order in which they come out ("place", tables FULL0 and FULL1), and G is built in
// that order. An inverse transform is the forward one between two exchanges of real and imaginary part.
//
// What stands before this text defines: WARP, THREADS, H, W (padded size), PITCH (W or W + 1, odd), ROOTS0[H], ROOTS1[W]
// (exp(-2 pi i t / n), float2), EXACT0[H], EXACT1[W] (the same, double2), FULL0[H], FULL1[W] (place to frequency),
// the passes FORWARD_ROWS, FORWARD_COLUMNS, BACK_COLUMNS, BACK_ROWS, and MIDDLE, the last pass of the columns both ways.

#define LIKE 16.f       // times as large as its partner may a map of a pair be
#define HUGE_PEAK 1e30f  // beyond it sums in a transform might overflow, and take the partner with them

enum { CIRCULAR = 3, REFLECT = 1, REPLICATE = 2, ZEROS = 0 };

struct Task {
    int samples, channels, height, width;  // of y
    int pad_h, pad_w, mode;
};

__device__ __forceinline__ float2 times(float2 a, float2 b) {
    return make_float2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}
__device__ __forceinline__ float2 plus(float2 a, float2 b) { return make_float2(a.x + b.x, a.y + b.y); }
__device__ __forceinline__ float2 minus(float2 a, float2 b) { return make_float2(a.x - b.x, a.y - b.y); }
__device__ __forceinline__ float2 swapped(float2 a) { return make_float2(a.y, a.x); }
__device__ __forceinline__ float2 conj(float2 a) { return make_float2(a.x, -a.y); }

template <int AXIS> __device__ __forceinline__ float2 root(int t) {  // exp(-2 pi i t / n), 0 <= t < n
    if constexpr (AXIS == 0) return ROOTS0[t];
    else return ROOTS1[t];
}

__device__ constexpr int least_factor(int n) {
    for (int p = 2; p * p <= n; ++p)
        if (n % p == 0) return p;
    return n;
}

// The DFT of R values in registers, forward, result in order; R divides the length of the axis.
template <int AXIS, int R> __device__ __forceinline__ void dft(float2 (&x)[R]) {
    constexpr int N = AXIS == 0 ? H : W;
    if constexpr (R == 2) {
        float2 a = x[0];
        x[0] = plus(a, x[1]);
        x[1] = minus(a, x[1]);
    } else if constexpr (R == 4) {
        float2 a = plus(x[0], x[2]), b = minus(x[0], x[2]), c = plus(x[1], x[3]), d = minus(x[1], x[3]);
        x[0] = plus(a, c);
        x[2] = minus(a, c);
        x[1] = make_float2(b.x + d.y, b.y - d.x);
        x[3] = make_float2(b.x - d.y, b.y + d.x);
    } else if constexpr (R > 1 && least_factor(R) == R) {
        constexpr int HALF = (R - 1) / 2;
        float2 sums[HALF], differences[HALF], zero = x[0], all = x[0];
#pragma unroll
        for (int j = 0; j < HALF; ++j) {
            sums[j] = plus(x[j + 1], x[R - 1 - j]);
            differences[j] = minus(x[j + 1], x[R - 1 - j]);
            all = plus(all, sums[j]);
        }
        x[0] = all;
#pragma unroll
        for (int k = 1; k <= HALF; ++k) {
            float2 even = zero, odd = make_float2(0.f, 0.f);
#pragma unroll
            for (int j = 0; j < HALF; ++j) {
                const float2 w = root<AXIS>((k * (j + 1)) % R * (N / R));
                even.x += w.x * sums[j].x;
                even.y += w.x * sums[j].y;
                odd.x -= w.y * differences[j].y;
                odd.y += w.y * differences[j].x;
            }
            x[k] = plus(even, odd);
            x[R - k] = minus(even, odd);
        }
    } else if constexpr (R > 1) {
        constexpr int P = R % 4 == 0 ? 4 : least_factor(R), Q = R / P;
        float2 turned[R];
#pragma unroll
        for (int j = 0; j < Q; ++j) {
            float2 part[P];
#pragma unroll
            for (int i = 0; i < P; ++i) part[i] = x[i * Q + j];
            dft<AXIS, P>(part);
#pragma unroll
            for (int i = 0; i < P; ++i)
                turned[i * Q + j] = i * j ? times(part[i], root<AXIS>((i * j) % R * (N / R))) : part[i];
        }
#pragma unroll
        for (int i = 0; i < P; ++i) {
            float2 part[Q];
#pragma unroll
            for (int j = 0; j < Q; ++j) part[j] = turned[i * Q + j];
            dft<AXIS, Q>(part);
#pragma unroll
            for (int j = 0; j < Q; ++j) x[i + P * j] = part[j];
        }
    }
}

// Where place `at` of line `line` lies: neighbouring threads take neighbouring lines, which no bank sees twice.
template <int AXIS> __device__ __forceinline__ int address(int line, int at) {
    return AXIS == 0 ? at * PITCH + line : line * PITCH + at;
}

// One pass along AXIS: butterflies of R values L / R apart in blocks of L. FORWARD turns afterwards, back before.
template <int AXIS, int L, int R, bool FORWARD> __device__ void pass(float2* z) {
    constexpr int N = AXIS == 0 ? H : W, LINES = AXIS == 0 ? W : H, M = L / R;
    for (int task = threadIdx.x; task < LINES * (N / R); task += blockDim.x) {
        const int line = task % LINES, butterfly = task / LINES, j = butterfly % M;
        const int first = butterfly / M * L + j;
        float2 x[R];
#pragma unroll
        for (int m = 0; m < R; ++m) x[m] = z[address<AXIS>(line, first + m * M)];
        if constexpr (!FORWARD && M > 1) {
#pragma unroll
            for (int m = 1; m < R; ++m) x[m] = times(x[m], root<AXIS>(j * m * (N / L)));
        }
        dft<AXIS, R>(x);
        if constexpr (FORWARD && M > 1) {
#pragma unroll
            for (int m = 1; m < R; ++m) x[m] = times(x[m], root<AXIS>(j * m * (N / L)));
        }
#pragma unroll
        for (int m = 0; m < R; ++m) z[address<AXIS>(line, first + m * M)] = x[m];
    }
    __syncthreads();
}

// The last pass of the columns, `use` on each value of the spectrum with its index in (H, W), and, unless it is not
// asked for, the first pass of the inverse.
template <int R, bool BACK, class Use> __device__ __forceinline__ void middle(float2* z, Use use) {
    for (int task = threadIdx.x; task < W * (H / R); task += blockDim.x) {
        const int line = task % W, first = task / W * R;
        float2 x[R];
#pragma unroll
        for (int m = 0; m < R; ++m) x[m] = z[(first + m) * PITCH + line];
        dft<0, R>(x);
#pragma unroll
        for (int m = 0; m < R; ++m) x[m] = use(x[m], (first + m) * W + line);
        if constexpr (BACK) {
#pragma unroll
            for (int m = 0; m < R; ++m) x[m] = swapped(x[m]);
            dft<0, R>(x);
#pragma unroll
            for (int m = 0; m < R; ++m) z[(first + m) * PITCH + line] = x[m];
        }
    }
    __syncthreads();
}

// Which sample of `size` stands at `at` of the padded axis; -1: a zero.
__device__ __forceinline__ int source(int at, int pad, int size, int mode) {
    const int i = at - pad;
    if (i >= 0 && i < size) return i;
    if (mode == CIRCULAR) return i < 0 ? i + size : i - size;
    if (mode == REFLECT) return i < 0 ? -i : 2 * (size - 1) - i;
    if (mode == REPLICATE) return i < 0 ? 0 : size - 1;
    return -1;
}

enum { FIRST = 1, SECOND = 2, BOTH = 3 };

__device__ __forceinline__ int warp_max(int value) {
#pragma unroll
    for (int step = WARP / 2; step; step /= 2) {
        const int other = __shfl_xor_sync(0xffffffffu, value, step);
        value = other > value ? other : value;
    }
    return value;
}

// One or both samples of a pair, padded; the other one is zero. Returns whether they may share a complex map: what one
// loses by rounding is lost to the other, so both must be finite and of like size.
__device__ bool load(float2* z, const float* maps, Task t, int channel, int pair, int which, int mode) {
    __shared__ int peaks[2];  // bits of the largest magnitudes: as integers they are in the same order, NaN last
    if (threadIdx.x == 0) peaks[0] = peaks[1] = 0;
    __syncthreads();
    const size_t map = (size_t)t.height * t.width;
    const float* a = maps + ((size_t)(2 * pair) * t.channels + channel) * map;
    const float* b = a + t.channels * map;
    int first = 0, second = 0;
    for (int i = threadIdx.x; i < H * W; i += blockDim.x) {
        const int r = i / W, c = i % W;
        const int y = source(r, t.pad_h, t.height, mode), x = source(c, t.pad_w, t.width, mode);
        float2 value = make_float2(0.f, 0.f);
        if (y >= 0 && x >= 0) {
            const int at = y * t.width + x;
            if (which & FIRST) value.x = a[at];
            if (which & SECOND) value.y = b[at];
        }
        const int bits_a = __float_as_int(fabsf(value.x)), bits_b = __float_as_int(fabsf(value.y));
        first = bits_a > first ? bits_a : first;
        second = bits_b > second ? bits_b : second;
        z[r * PITCH + c] = value;
    }
    if (which != BOTH) {
        __syncthreads();
        return true;
    }
    first = warp_max(first);
    second = warp_max(second);
    if (threadIdx.x % WARP == 0) {
        atomicMax(&peaks[0], first);
        atomicMax(&peaks[1], second);
    }
    __syncthreads();
    const float more = __int_as_float(peaks[0] > peaks[1] ? peaks[0] : peaks[1]);
    const float less = __int_as_float(peaks[0] > peaks[1] ? peaks[1] : peaks[0]);
    return more <= LIKE * less && more < HUGE_PEAK;  // false for NaN
}

// The middle of one or both maps; real and imaginary part stand exchanged.
__device__ void store(const float2* z, float* maps, Task t, int channel, int pair, int which) {
    const size_t map = (size_t)t.height * t.width;
    float* a = maps + ((size_t)(2 * pair) * t.channels + channel) * map;
    float* b = a + t.channels * map;
    for (int i = threadIdx.x; i < t.height * t.width; i += blockDim.x) {
        const int r = i / t.width, c = i - r * t.width;
        const float2 value = z[(r + t.pad_h) * PITCH + c + t.pad_w];
        if (which & FIRST) a[i] = value.y;
        if (which & SECOND) b[i] = value.x;
    }
    __syncthreads();
}

__device__ __forceinline__ int samples_of(int pair, Task t) { return 2 * pair + 1 < t.samples ? BOTH : FIRST; }

// The adjoint of padding: what stands in a margin is added to the sample that it came from.
__device__ void fold(float2* z, Task t) {
    if (t.mode == ZEROS) return;
    for (int r = threadIdx.x; r < H; r += blockDim.x)
        for (int m = 0; m < 2 * t.pad_w; ++m) {
            const int c = m < t.pad_w ? m : m + t.width;
            float2* to = z + r * PITCH + t.pad_w + source(c, t.pad_w, t.width, t.mode);
            *to = plus(*to, z[r * PITCH + c]);
        }
    __syncthreads();
    for (int c = threadIdx.x; c < W; c += blockDim.x)
        for (int m = 0; m < 2 * t.pad_h; ++m) {
            const int r = m < t.pad_h ? m : m + t.height;
            float2* to = z + (t.pad_h + source(r, t.pad_h, t.height, t.mode)) * PITCH + c;
            *to = plus(*to, z[r * PITCH + c]);
        }
    __syncthreads();
}

// out = crop(F^-1(G F(pad(y)))); one block a pair and channel. g: (C, H, W) by place, with 1 / (H W).
extern "C" __global__ void __launch_bounds__(THREADS)
converse_filter(const float* y, const float2* g, float* out, Task t) {
    extern __shared__ float2 z[];
    const int pairs = (t.samples + 1) / 2, channel = blockIdx.x / pairs, pair = blockIdx.x % pairs;
    const float2* own = g + (size_t)channel * H * W;
    auto filtered = [=](float2 value, int at) { return times(value, own[at]); };
    for (int which = samples_of(pair, t); which;) {
        if (!load(z, y, t, channel, pair, which, t.mode)) {
            which = FIRST;  // and then the second: each by itself
            __syncthreads();
            continue;
        }
        FORWARD_ROWS
        FORWARD_COLUMNS
        middle<MIDDLE, true>(z, filtered);
        BACK_COLUMNS
        BACK_ROWS
        store(z, out, t, channel, pair, which);
        which = which == FIRST && samples_of(pair, t) == BOTH ? SECOND : 0;
    }
}

// dy = unpad(F^-1(conj(G) F(grad))), and for each channel and share of the batch the cross spectrum
// sum conj(F(y)) F(grad): the part of a sum over pairs that is Hermitian is the sum over samples, the rest is of no
// weight in real sums over all frequencies. spectra: H W values for each block; sums: (C, shares, H, W).
// dy, or spectra and sums, may be null.
extern "C" __global__ void __launch_bounds__(THREADS)
converse_gradient(
    const float* grad, const float* y, const float2* g, float2* spectra, float2* sums, float* dy, int shares, Task t) {
    extern __shared__ float2 z[];
    const int pairs = (t.samples + 1) / 2, channel = blockIdx.x / shares, share = blockIdx.x % shares;
    const float2* own = g + (size_t)channel * H * W;
    float2* spectrum = spectra + (size_t)blockIdx.x * H * W;
    float2* sum = sums + (size_t)blockIdx.x * H * W;
    bool adds = false;
    auto keep = [=](float2 value, int at) { return spectrum[at] = value; };
    for (int pair = share; pair < pairs; pair += shares)
        for (int which = samples_of(pair, t); which;) {
            bool fits = true;
            if (sums) {
                fits = load(z, y, t, channel, pair, which, t.mode);
                if (fits) {
                    FORWARD_ROWS
                    FORWARD_COLUMNS
                    middle<MIDDLE, false>(z, keep);  // the thread that keeps a value is the one that reads it below
                }
            }
            fits = fits && load(z, grad, t, channel, pair, which, ZEROS);
            if (!fits) {
                which = FIRST;  // and then the second: each by itself
                __syncthreads();
                continue;
            }
            FORWARD_ROWS
            FORWARD_COLUMNS
            auto cross = [=](float2 value, int at) {
                if (sums) {
                    const float2 product = times(conj(spectrum[at]), value);
                    sum[at] = adds ? plus(sum[at], product) : product;
                }
                return times(value, conj(own[at]));
            };
            if (dy) {
                middle<MIDDLE, true>(z, cross);
                BACK_COLUMNS
                BACK_ROWS
                fold(z, t);
                store(z, dy, t, channel, pair, which);
            } else {
                middle<MIDDLE, false>(z, cross);
            }
            adds = true;
            which = which == FIRST && samples_of(pair, t) == BOTH ? SECOND : 0;
        }
}

// Which root exp(-2 pi i t / n) is exp(2 pi i u m / n), m = k / 2 - tap.
__device__ __forceinline__ int turn(int u, int tap, int k, int n) { return u * ((tap - k / 2) % n + n) % n; }

// Kernels and lams come, and their gradients leave, as double (wide) or as float.
__device__ __forceinline__ double get(const void* numbers, int i, int wide) {
    return wide ? static_cast<const double*>(numbers)[i] : static_cast<const float*>(numbers)[i];
}
__device__ __forceinline__ void put(void* numbers, int i, int wide, double value) {
    if (wide) static_cast<double*>(numbers)[i] = value;
    else static_cast<float*>(numbers)[i] = (float)value;
}

#define TINY 1e-30  // floor of lam, below which it has no gradient
__device__ __forceinline__ double floored(double lam) { return lam < TINY ? TINY : lam; }  // NaN stays

struct Spectrum {  // of one kernel, in double: near a null of F its taps cancel, and there |F|^2 / lam decides
    const void* kernels;
    int first, wide;
    int kh, kw;
    double2* half;  // (kh, W): the taps transformed along their rows

    __device__ void prepare() {
        for (int i = threadIdx.x; i < kh * W; i += blockDim.x) {
            const int a = i / W, v = FULL1[i % W];
            double re = 0, im = 0;
            for (int b = 0; b < kw; ++b) {
                const double2 w = EXACT1[turn(v, b, kw, W)];
                const double tap = get(kernels, first + a * kw + b, wide);
                re += tap * w.x;
                im += tap * w.y;
            }
            half[i] = make_double2(re, im);
        }
        __syncthreads();
    }
    __device__ double2 at(int place) const {
        const int u = FULL0[place / W], column = place % W;
        double re = 0, im = 0;
        for (int a = 0; a < kh; ++a) {
            const double2 w = EXACT0[turn(u, a, kh, H)], x = half[a * W + column];
            re += w.x * x.x - w.y * x.y;
            im += w.x * x.y + w.y * x.x;
        }
        return make_double2(re, im);
    }
};

// g = G / (H W) by place, for X0 = Y (nearest) or 0: n + conj(F) (1 - n F) / (|F|^2 + lam). One block a channel.
extern "C" __global__ void __launch_bounds__(THREADS)
converse_transfer(
    const void* kernels, const void* lams, double2* work, float2* g, int kh, int kw, int nearest, int wide) {
    const int c = blockIdx.x;
    Spectrum f{kernels, c * kh * kw, wide, kh, kw, work + (size_t)c * kh * W};
    f.prepare();
    const float lam = (float)floored(get(lams, c, wide));
    for (int i = threadIdx.x; i < H * W; i += blockDim.x) {
        const double2 value = f.at(i);
        const float fr = (float)value.x, fi = (float)value.y, over = 1.f / ((fr * fr + fi * fi + lam) * (H * W));
        g[(size_t)c * H * W + i] = make_float2((nearest ? fr + lam : fr) * over, -fi * over);
    }
}

// dK and dlam from the cross spectra Z, with W = F Z / P, q = (1 - n F) / P:
//     S = conj(q) (Z - conj(F) W) - G conj(W),   dK_t = Re sum S exp(2 pi i u m_t / n) / (H W),
//     dlam = -Re sum conj(W) q / (H W).
// One block a channel. sums: (C, shares, H, W), the first share is overwritten by S; work: kh W + H kw + THREADS
// double2 for each channel.
extern "C" __global__ void __launch_bounds__(THREADS)
converse_parameters(
    const void* kernels, const void* lams, float2* sums, double2* work, void* dk, void* dlam, int shares, int kh, int kw,
    int nearest, int wide) {
    const int c = blockIdx.x;
    double2* own = work + (size_t)c * (kh * W + H * kw + THREADS);
    Spectrum f{kernels, c * kh * kw, wide, kh, kw, own};
    double2 *rows = own + kh * W, *parts = rows + H * kw;
    float2* z = sums + (size_t)c * shares * H * W;
    f.prepare();
    const double lam = floored(get(lams, c, wide));
    double total = 0;
    for (int i = threadIdx.x; i < H * W; i += blockDim.x) {
        double zr = 0, zi = 0;
        for (int s = 0; s < shares; ++s) {
            const float2 part = z[(size_t)s * H * W + i];
            zr += part.x;
            zi += part.y;
        }
        const double2 v = f.at(i);
        const double over = 1 / (v.x * v.x + v.y * v.y + lam);
        const double wr = (v.x * zr - v.y * zi) * over, wi = (v.x * zi + v.y * zr) * over;
        const double qr = (nearest ? 1 - v.x : 1) * over, qi = nearest ? -v.y * over : 0;
        const double gr = (nearest ? v.x + lam : v.x) * over, gi = -v.y * over;
        const double ar = zr - (v.x * wr + v.y * wi), ai = zi - (v.x * wi - v.y * wr);
        z[i] = make_float2(
            (float)(qr * ar + qi * ai - (gr * wr + gi * wi)), (float)(qr * ai - qi * ar - (gi * wr - gr * wi)));
        total += wr * qr + wi * qi;
    }
    parts[threadIdx.x].x = total;
    __syncthreads();
    for (int i = threadIdx.x; i < H * kw; i += blockDim.x) {  // along the rows, for each column of taps
        const int r = i / kw, b = i % kw;
        double re = 0, im = 0;
        for (int column = 0; column < W; ++column) {
            const double2 w = EXACT1[turn(FULL1[column], b, kw, W)];
            const float2 x = z[r * W + column];
            re += w.x * x.x - w.y * x.y;
            im += w.x * x.y + w.y * x.x;
        }
        rows[i] = make_double2(re, im);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < kh * kw; i += blockDim.x) {
        const int a = i / kw, b = i % kw;
        double sum = 0;
        for (int r = 0; r < H; ++r) {
            const double2 w = EXACT0[turn(FULL0[r], a, kh, H)], x = rows[r * kw + b];
            sum += w.x * x.x - w.y * x.y;
        }
        put(dk, c * kh * kw + i, wide, sum / (H * W));
    }
    if (threadIdx.x == 0) {
        double sum = 0;
        for (int i = 0; i < blockDim.x; ++i) sum += parts[i].x;
        put(dlam, c, wide, get(lams, c, wide) < TINY ? 0 : -sum / (H * W));
    }
}
