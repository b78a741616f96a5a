// Kernels no larger than the scale and than 2: every sample times one pattern of scale x scale.
#pragma once

#include "vector.h"

namespace {

template <int S>
void upsample_by(const float* __restrict__ y, const float* g, float* __restrict__ out, int height, int width, int scale) {
    int s = S ? S : scale;
    for (int h = 0; h < height; h++)
        for (int i = 0; i < s; i++) {
            const float* row = y + (size_t)h * width;
            float* to = out + ((size_t)h * s + i) * width * s;
            const float* factor = g + i * s;
            for (int w = 0; w < width; w++)
                for (int j = 0; j < s; j++) to[(size_t)w * s + j] = row[w] * factor[j];
        }
}

void upsample(const float* y, const float* g, float* out, int32_t height, int32_t width, int32_t scale) {
    if (scale == 2) upsample_by<2>(y, g, out, height, width, scale);
    else if (scale == 3) upsample_by<3>(y, g, out, height, width, scale);
    else if (scale == 4) upsample_by<4>(y, g, out, height, width, scale);
    else upsample_by<0>(y, g, out, height, width, scale);
}

// The adjoint: dy is written (unless null), and what belongs to the pattern added to dpattern, in double precision
// over chunks that are summed in single precision (unless null).
template <int S>
void downsample_by(const float* __restrict__ grad, const float* __restrict__ y, const float* g, float* __restrict__ dy,
                   double* dg, int height, int width, int scale) {
    int s = S ? S : scale;
    constexpr int CHUNK = 256;
    float phase[CHUNK], sum[CHUNK];
    for (int h = 0; h < height; h++)
        for (int w0 = 0; w0 < width; w0 += CHUNK) {
            int n = least(CHUNK, width - w0);
            for (int x = 0; x < n; x++) sum[x] = 0;
            const float* source = y + (size_t)h * width + w0;
            for (int i = 0; i < s; i++)
                for (int j = 0; j < s; j++) {
                    const float* from = grad + ((size_t)h * s + i) * width * s + (size_t)w0 * s + j;
                    float factor = g[i * s + j];
                    for (int x = 0; x < n; x++) phase[x] = from[(size_t)x * s];
                    for (int x = 0; x < n; x++) sum[x] += phase[x] * factor;
                    if (!dg) continue;
                    V total = {};
                    float rest = 0;
                    int x = 0;
                    for (; x + L <= n; x += L) total += load(phase + x) * load(source + x);
                    for (; x < n; x++) rest += phase[x] * source[x];
                    for (int l = 0; l < L; l++) rest += total[l];
                    dg[i * s + j] += rest;
                }
            if (dy)
                for (int x = 0; x < n; x++) dy[(size_t)h * width + w0 + x] = sum[x];
        }
}

void downsample(const float* grad, const float* y, const float* g, float* dy, double* dg, int32_t height, int32_t width,
                int32_t scale) {
    if (scale == 2) downsample_by<2>(grad, y, g, dy, dg, height, width, scale);
    else if (scale == 3) downsample_by<3>(grad, y, g, dy, dg, height, width, scale);
    else if (scale == 4) downsample_by<4>(grad, y, g, dy, dg, height, width, scale);
    else downsample_by<0>(grad, y, g, dy, dg, height, width, scale);
}

}  // namespace
