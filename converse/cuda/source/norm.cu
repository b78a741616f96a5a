// Layer norm over the C channels of each pixel of (B, C, H, W), and its gradients: one pass over each map.
//
// A thread holds all channels of one pixel in registers; neighbouring threads take neighbouring pixels. What stands
// before this text defines C, THREADS and WARP.

struct Pixels {
    int samples, area;  // B, H W
};

__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
    for (int step = WARP / 2; step; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
    return value;
}

// x in `values`, centred and divided by its deviation; returns 1 / deviation.
__device__ __forceinline__ float standardized(const float* x, int area, float eps, float (&values)[C]) {
    float mean = 0, square = 0;
#pragma unroll
    for (int c = 0; c < C; ++c) mean += values[c] = x[(size_t)c * area];
    mean /= C;
#pragma unroll
    for (int c = 0; c < C; ++c) {
        values[c] -= mean;
        square += values[c] * values[c];
    }
    const float scale = rsqrtf(square / C + eps);
#pragma unroll
    for (int c = 0; c < C; ++c) values[c] *= scale;
    return scale;
}

extern "C" __global__ void __launch_bounds__(THREADS)
norm_forward(const float* x, const float* gain, const float* shift, float* out, double eps, Pixels p) {
    const size_t total = (size_t)p.samples * p.area;
    for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < total; i += (size_t)gridDim.x * THREADS) {
        const size_t first = i / p.area * C * p.area + i % p.area;
        float values[C];
        standardized(x + first, p.area, (float)eps, values);
#pragma unroll
        for (int c = 0; c < C; ++c) out[first + (size_t)c * p.area] = values[c] * gain[c] + shift[c];
    }
}

// dx, and for each block the sums over its pixels of grad times standardized x (gain) and of grad (shift):
// parts (blocks, 2, C).
extern "C" __global__ void __launch_bounds__(THREADS, C > 64 ? 2 : C > 32 ? 3 : 4)
norm_backward(const float* grad, const float* x, const float* gain, float* dx, float* parts, double eps, Pixels p) {
    __shared__ float sums[THREADS / WARP][2][C];
    const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    if (lane == 0)
        for (int c = 0; c < C; ++c) sums[warp][0][c] = sums[warp][1][c] = 0;
    const size_t total = (size_t)p.samples * p.area;
    // All lanes of a warp go round alike: its sums need them all.
    for (size_t start = (size_t)blockIdx.x * THREADS; start < total; start += (size_t)gridDim.x * THREADS) {
        const size_t i = start + threadIdx.x;
        const bool is_there = i < total;
        const size_t first = is_there ? i / p.area * C * p.area + i % p.area : 0;
        float values[C], scale = 0, mean = 0, along = 0;
        if (is_there) {
            scale = standardized(x + first, p.area, (float)eps, values);
#pragma unroll
            for (int c = 0; c < C; ++c) {
                const float g = grad[first + (size_t)c * p.area] * gain[c];
                mean += g;
                along += g * values[c];
            }
        }
        mean /= C;
        along /= C;
#pragma unroll
        for (int c = 0; c < C; ++c) {
            const float g = is_there ? grad[first + (size_t)c * p.area] : 0, value = is_there ? values[c] : 0;
            if (is_there) dx[first + (size_t)c * p.area] = scale * (g * gain[c] - mean - value * along);
            const float for_gain = warp_sum(g * value), for_shift = warp_sum(g);
            if (lane == 0) {
                sums[warp][0][c] += for_gain;
                sums[warp][1][c] += for_shift;
            }
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < 2 * C; i += THREADS) {
        float sum = 0;
        for (int w = 0; w < THREADS / WARP; ++w) sum += sums[w][i / C][i % C];
        parts[(size_t)blockIdx.x * 2 * C + i] = sum;
    }
}
