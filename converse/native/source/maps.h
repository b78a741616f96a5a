// Between tensors in memory and the packed rows that are transformed: padding, cropping and their adjoints.
//
// A padded map's columns are cut in two halves, left and right, of `middle` columns each (one less on the right where
// the width is odd): the real and the imaginary part of what is transformed.
#pragma once

#include "problem.h"
#include "vector.h"

namespace {

INLINE void copy(float* to, const float* from, int n) {
    if (n < HALF) {
        for (int x = 0; x < n; x++) to[x] = from[x];
        return;
    }
    if (n < L) {
        store_half(to, load_half(from));
        store_half(to + n - HALF, load_half(from + n - HALF));
        return;
    }
    int x = 0;
    for (; x + L <= n; x += L) store(to + x, load(from + x));
    if (x < n) store(to + n - L, load(from + n - L));
}

INLINE void add(float* to, const float* from, int n) {
    int x = 0;
    for (; x + L <= n; x += L) store(to + x, load(to + x) + load(from + x));
    for (; x < n; x++) to[x] += from[x];
}

INLINE float from_bits(uint32_t u) {
    float f;
    memcpy(&f, &u, 4);
    return f;
}
INLINE uint32_t bits(float f) {
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

// bfloat16: the upper half of a float32; to nearest, ties to even.
struct Bfloat16 {
    uint16_t u;
    INLINE operator float() const { return from_bits((uint32_t)u << 16); }
    INLINE static Bfloat16 of(float f) {
        uint32_t b = bits(f);
        uint32_t rounded = (b + 0x7fff + ((b >> 16) & 1)) >> 16;
        return {(uint16_t)(f != f ? 0x7fc0 : rounded)};
    }
};

// float16: five bits of exponent, subnormal numbers by scaling with a power of two.
struct Float16 {
    uint16_t u;
    INLINE operator float() const {
        uint32_t sign = (uint32_t)(u & 0x8000) << 16, rest = (uint32_t)(u & 0x7fff) << 13;
        float scaled = from_bits(rest) * from_bits(0x77800000);  // 2^112
        uint32_t special = rest >= 0x0f800000 ? rest | 0x7f800000 : bits(scaled);
        return from_bits(sign | special);
    }
    INLINE static Float16 of(float f) {
        uint32_t b = bits(f), sign = b >> 16 & 0x8000;
        b &= 0x7fffffff;
        // Below 2^-14 adding 0.5 leaves the rounded subnormal in the last bits.
        uint32_t small = bits(from_bits(b) + 0.5f) - bits(0.5f);
        uint32_t normal = (b + 0xc8000fff + ((b >> 13) & 1)) >> 13;
        uint32_t h = b < 0x38800000 ? small : b < 0x477ff000 ? normal : b > 0x7f800000 ? 0x7e00 : 0x7c00;
        return {(uint16_t)(sign | h)};
    }
};

INLINE float stored(float f, float*) { return f; }
INLINE Bfloat16 stored(float f, Bfloat16*) { return Bfloat16::of(f); }
INLINE Float16 stored(float f, Float16*) { return Float16::of(f); }

// Which row or column stands at each place of the padded map; -1: nothing.
INLINE void sources(int* source, int n, int pad, int mode) {
    for (int x = 0; x < n + 2 * pad; x++) {
        int i = x - pad;
        if (i < 0 || i >= n) {
            if (mode == ZEROS) i = -1;
            else if (mode == CIRCULAR) i = i < 0 ? i + n : i - n;
            else if (mode == REPLICATE) i = i < 0 ? 0 : n - 1;
            else i = i < 0 ? -i : 2 * (n - 1) - i;
        }
        source[x] = i;
    }
}

struct Maps {
    int height, width, rows, columns, middle, pad, scale;
    const int* source;  // of each padded column
    float* line;        // one padded row, and then one row of the map

    // One row of a map, to float32; itself where it is that already.
    INLINE const float* read(const float* row, int step) const {
        if (step == 1) return row;
        return gather(row, step);
    }
    template <class T>
    INLINE const float* read(const T* row, int step) const {
        return gather(row, step);
    }
    template <class T>
    INLINE const float* gather(const T* row, int step) const {
        float* to = line + columns + L;
        if (step == 1)
            for (int x = 0; x < width; x++) to[x] = (float)row[x];
        else
            for (int x = 0; x < width; x++) to[x] = (float)row[(size_t)x * step];
        return to;
    }

    // Pad one row and cut it in halves. `border` false: zeros.
    INLINE void split(const float* row, float* left, float* right, bool border) const {
        auto at = [&](int x) { return border && source[x] >= 0 ? row[source[x]] : 0.0f; };
        for (int x = 0; x < pad; x++) left[x] = at(x);
        copy(left + pad, row, middle - pad);
        copy(right, row + middle - pad, pad + width - middle);
        for (int x = pad + width; x < columns; x++) right[x - middle] = at(x);
        if (columns & 1) right[middle - 1] = 0;
    }

    // Crop one row of halves.
    INLINE void join(float* row, const float* left, const float* right) const {
        copy(row, left + pad, middle - pad);
        copy(row + middle - pad, right, pad + width - middle);
    }

    // The adjoint of padding a row: what stands in the border is added where it came from.
    INLINE const float* folded(const float* left, const float* right) const {
        float* to = line + columns + L;
        join(to, left, right);
        if (!pad || source[0] < 0) return to;
        for (int x = 0; x < pad; x++) to[source[x]] += left[x];
        for (int x = pad + width; x < columns; x++) to[source[x]] += right[x - middle];
        return to;
    }
};

// Write a row of float32 to every step-th place of a tensor.
template <class T>
INLINE void write(T* to, const float* row, int n, int step) {
    if (step == 1)
        for (int x = 0; x < n; x++) to[x] = stored(row[x], (T*)0);
    else
        for (int x = 0; x < n; x++) to[(size_t)x * step] = stored(row[x], (T*)0);
}

}  // namespace
