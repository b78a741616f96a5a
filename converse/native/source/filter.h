// The operator, group of maps by group of maps: everything between reading y and writing x stays in cache.
//
//   pad, split in halves | DFT of columns | transpose | DFT of rows, times G, inverse | transpose | columns | join, crop
//
// A group is some maps side by side, so that narrow maps fill whole vectors: lanes run over all their columns first,
// then over all their row frequencies.
#pragma once

#include "arena.h"
#include "fft.h"
#include "maps.h"
#include "transfer.h"

namespace {

constexpr int64_t CACHE = 400 << 10;  // bytes of a group's samples and spectra: half of a usual second-level cache
constexpr int LARGEST_GROUP = 16;
constexpr int64_t FEW_CHANNELS = 8;   // fewer are not enough to share among threads: their batches are cut

// How the maps of a call are grouped, and the work divided. Does not depend on the number of threads.
struct Division {
    int channels, images;  // of one group
    int64_t channel_groups, divisions, images_a_division;

    explicit Division(const Problem& a) {
        int rows = a.height + 2 * a.padding_rows, columns = a.width + 2 * a.padding_columns;
        int bins = rows / 2 + 1, middle = (columns + 1) / 2;
        int64_t one = (int64_t)rows * columns * 4 * (a.grad ? 5 : 3);
        int best = 1;
        double least_cost = 1e30;
        for (int n = 1; n <= LARGEST_GROUP && (n == 1 || n * one <= CACHE); n++) {
            // Vectors a map, and a little for what a larger group costs in cache.
            double cost = (double)(rounded_up(n * middle, L) + rounded_up(n * bins, L)) / n * (1 + 0.005 * n);
            if (cost < least_cost) least_cost = cost, best = n;
        }
        divisions = 1;
        if (a.channels < FEW_CHANNELS && a.batch > 1) {
            divisions = (FEW_CHANNELS + a.channels - 1) / a.channels;
            if (divisions > a.batch) divisions = a.batch;
        }
        images_a_division = (a.batch + divisions - 1) / divisions;
        divisions = (a.batch + images_a_division - 1) / images_a_division;
        int64_t groups = (images_a_division + best - 1) / best;
        images = (int)((images_a_division + groups - 1) / groups);
        channels = most(1, best / images);
        while (channels > 1 && a.channels / channels < FEW_CHANNELS) channels--;
        channel_groups = (a.channels + channels - 1) / channels;
    }
    int64_t items() const { return channel_groups * divisions; }
};

template <class T>
struct Filter {
    const Problem& a;
    const Division& division;
    Grid grid;
    Maps maps;
    const Plan &column_plan, &row_plan;
    int rows, columns, middle, bins, phases;
    int width;       // columns of a group's halves, in whole vectors
    int span;        // row frequencies of a group, in whole vectors
    size_t stride;   // between rows of a spectrum: four planes, left and right, real parts first
    int *row_source, *no_border;
    float *left, *right;          // (rows, width)
    float *spectrum, *spectrum_y;  // (bins + 1, stride), the last row zero
    float *g, *z;                 // (phases, columns, 2, span)
    float *held, *sum;            // (columns, 2, span): the spectrum of y; sum_p conj(G_p) g_p
    float* map;                   // one map in float32, where dy is narrower
    V *buffer[6], *scratch;
    Narrow* work;
    int channels = 0, images = 0;  // of the present group

    INLINE Filter(const Problem& a, const Division& division, Arena& arena)
        : a(a),
          division(division),
          grid(a, arena),
          maps(),
          column_plan(*plan_of(a.height + 2 * a.padding_rows)),
          row_plan(*plan_of(a.width + 2 * a.padding_columns)) {
        rows = grid.rows, columns = grid.columns, bins = grid.bins, phases = grid.phases;
        middle = (columns + 1) / 2;
        int n = division.channels * division.images, longest = most(rows, columns);
        bool back = a.grad, gradients = a.partial;
        width = rounded_up(n * middle, L);
        span = rounded_up(n * bins + HALF, L);
        stride = 4 * (size_t)width + 16;
        row_source = arena.take<int>(rows);
        no_border = arena.take<int>(rows);
        int* column_source = arena.take<int>(columns);
        float* line = arena.take<float>(2 * (columns + 2 * L));
        for (V*& b : buffer) b = arena.take<V>(longest + 1);
        scratch = arena.take<V>(most(column_plan.scratch, row_plan.scratch) + 8);
        work = arena.take<Narrow>(6 * phases + (phases * (2 * grid.vertical.reach + 1) * grid.bandwidth() * 8) / sizeof(Narrow) + 1);
        left = arena.take<float>((size_t)rows * width + L);
        right = arena.take<float>((size_t)rows * width + L);
        spectrum = arena.take<float>((bins + 1) * stride + L);
        spectrum_y = back && gradients ? arena.take<float>((bins + 1) * stride + L) : nullptr;
        size_t plane = (size_t)columns * 2 * span + L;
        g = arena.take<float>(phases * plane);
        z = back && gradients ? arena.take<float>(phases * plane) : nullptr;
        held = phases > 1 ? arena.take<float>(plane) : nullptr;
        sum = back && phases > 1 ? arena.take<float>(plane) : nullptr;
        map = back && sizeof(T) != 4 ? arena.take<float>((size_t)a.height * a.width) : nullptr;
        if (!arena.holds()) return;
        // Lanes beyond the last map are computed as well: what lies there must be finite.
        memset(left, 0, sizeof(float) * ((size_t)rows * width + L));
        memset(right, 0, sizeof(float) * ((size_t)rows * width + L));
        memset(spectrum, 0, sizeof(float) * ((bins + 1) * stride + L));
        if (spectrum_y) memset(spectrum_y, 0, sizeof(float) * ((bins + 1) * stride + L));
        memset(g, 0, sizeof(float) * phases * plane);
        sources(row_source, a.height, a.padding_rows, a.mode);
        sources(no_border, a.height, a.padding_rows, ZEROS);
        sources(column_source, a.width, a.padding_columns, a.mode);
        maps = {a.height, a.width, rows, columns, middle, a.padding_columns, a.scale, column_source, line};
    }

    INLINE int64_t map_index(int64_t image, int64_t channel) const { return image * a.channels + channel; }
    INLINE int count() const { return channels * images; }

    // Body(index within the group, index within the tensor) for each map of the group.
    template <class Body>
    INLINE void each_map(int64_t image, int64_t channel, Body body) const {
        for (int b = 0; b < images; b++)
            for (int c = 0; c < channels; c++) body(b * channels + c, map_index(image + b, channel + c));
    }

    void load_maps(int64_t image, int64_t channel) {
        each_map(image, channel, [&](int m, int64_t index) {
            const T* y = (const T*)a.y + index * a.height * a.width;
            for (int h = 0; h < a.height; h++) {
                size_t at = (size_t)h * width + m * middle;
                maps.split(maps.read(y + (size_t)h * a.width, 1), left + at, right + at, true);
            }
        });
    }

    void load_cotangent(int64_t image, int64_t channel, int phase) {
        int s = a.scale;
        each_map(image, channel, [&](int m, int64_t index) {
            const T* grad = (const T*)a.grad + index * a.height * a.width * s * s;
            for (int h = 0; h < a.height; h++) {
                const T* row = grad + ((size_t)h * s + phase / s) * a.width * s + phase % s;
                size_t at = (size_t)h * width + m * middle;
                maps.split(maps.read(row, s), left + at, right + at, false);
            }
        });
    }

    void store_maps(int64_t image, int64_t channel, int phase) {
        int s = a.scale;
        each_map(image, channel, [&](int m, int64_t index) {
            T* out = (T*)a.out + index * a.height * a.width * s * s;
            for (int h = 0; h < a.height; h++) {
                T* row = out + ((size_t)h * s + phase / s) * a.width * s + phase % s;
                size_t at = (size_t)(h + a.padding_rows) * width + m * middle;
                if (sizeof(T) == 4 && s == 1) {
                    maps.join((float*)row, left + at, right + at);
                } else {
                    float* line = maps.line + columns + L;
                    maps.join(line, left + at, right + at);
                    write(row, line, a.width, s);
                }
            }
        });
    }

    void store_gradient(int64_t image, int64_t channel) {
        each_map(image, channel, [&](int m, int64_t index) {
            T* target = (T*)a.out + index * a.height * a.width;
            float* dy = sizeof(T) == 4 ? (float*)target : map;
            auto row = [&](int h) {
                size_t at = (size_t)h * width + m * middle;
                return maps.folded(left + at, right + at);
            };
            for (int h = 0; h < a.height; h++)
                copy(dy + (size_t)h * a.width, row(h + a.padding_rows), a.width);
            for (int h = 0; h < rows; h++) {
                if (h == a.padding_rows) h += a.height;  // what is not border
                if (h < rows && row_source[h] >= 0) add(dy + (size_t)row_source[h] * a.width, row(h), a.width);
            }
            if (sizeof(T) != 4) write(target, map, a.height * a.width, 1);
        });
    }

    // Twice the half spectra along columns of left and right halves: Z(k) = left + i right is taken apart.
    void columns_forward(float* to, const int* source) {
        for (int q = 0; q < count() * middle; q += L) {
            V *r = buffer[0], *i = buffer[1], *tr = buffer[2], *ti = buffer[3];
            for (int h = 0; h < rows; h++) {
                int from = source[h];
                r[h] = from < 0 ? V{} : load(left + (size_t)from * width + q);
                i[h] = from < 0 ? V{} : load(right + (size_t)from * width + q);
            }
            fft(column_plan, r, i, tr, ti, scratch);
            for (int k = 0; k < bins; k++) {
                int m = k ? rows - k : 0;
                V ar = r[k], ai = i[k], br = r[m], bi = i[m];
                float* d = to + k * stride + q;
                store(d, ar + br);
                store(d + width, ai + bi);
                store(d + 2 * width, ai - bi);
                store(d + 3 * width, br - ar);
            }
        }
    }

    // The inverse, from spectra that are not doubled; rows first .. last of the padded maps are kept.
    void columns_inverse(int first, int last) {
        for (int q = 0; q < count() * middle; q += L) {
            V *r = buffer[0], *i = buffer[1], *tr = buffer[2], *ti = buffer[3];
            const float* s = spectrum + q;
            for (int k = 0; k < bins; k++) {
                const float* d = s + k * stride;
                V ar = load(d), br = load(d + width), ai = load(d + 2 * width), bi = load(d + 3 * width);
                int m = k ? rows - k : 0;
                r[m] = ar + bi, i[m] = br - ai;
                r[k] = ar - bi, i[k] = ai + br;
            }
            r[0] = load(s), i[0] = load(s + width);
            fft(column_plan, i, r, ti, tr, scratch);
            for (int h = first; h < last; h++) {
                store(left + (size_t)h * width + q, r[h]);
                store(right + (size_t)h * width + q, i[h]);
            }
        }
    }

    // Where the row of each lane begins, for the row frequencies r0 .. r0 + L of the group; lanes beyond the last map
    // read a row of zeros, so that they add nothing to z.
    INLINE int lanes(float* s, int r0, float** lane) const {
        int n = least(L, count() * bins - r0), m = r0 / bins, k = r0 % bins;
        for (int l = 0; l < L; l++) {
            lane[l] = s + (l < n ? k * stride + m * middle : bins * stride);
            if (++k == bins) k = 0, m++;
        }
        return n;
    }

    template <class Tile>
    INLINE void tiles(Tile tile) const {
        for (int half = 0; half < 2; half++) {
            int n = half ? columns - middle : middle;
            for (int j = 0; j < n; j += L) {
                int start = n < L ? 0 : least(j, n - L);  // the last one overlaps the one before
                tile(half * width + start, half * middle + start, least(L, n));
            }
        }
    }

    INLINE void gather(float* const* lane, V* t, int plane) const {
        tiles([&](int from, int to, int n) {
            V v[L];
            for (int l = 0; l < L; l++) v[l] = load(lane[l] + plane + from);
            transpose(v);
            for (int x = 0; x < n; x++) t[to + x] = v[x];
        });
    }

    INLINE void scatter(float* const* lane, int n_lanes, const V* t, int plane) const {
        tiles([&](int to, int from, int n) {
            V v[L];
            for (int x = 0; x < L; x++) v[x] = x < n ? t[from + x] : V{};
            transpose(v);
            for (int l = 0; l < n_lanes; l++) store_first(lane[l] + plane + to, v[l], n);
        });
    }

    // Two arrays that hold the row spectra of r0 .. r0 + L, and four that are free.
    struct Rows {
        V *r, *i, *free[4];
    };

    INLINE Rows rows_forward(float* s, int r0, V* const* arrays) {
        float* lane[L];
        lanes(s, r0, lane);
        V *r = arrays[0], *i = arrays[1], *tr = arrays[2], *ti = arrays[3];
        gather(lane, r, 0);
        gather(lane, i, 2 * width);
        fft(row_plan, r, i, tr, ti, scratch);
        return {r, i, {tr, ti, arrays[4], arrays[5]}};
    }

    INLINE void rows_inverse(Rows& t, int r0) {
        float* lane[L];
        int n = lanes(spectrum, r0, lane);
        V *r = t.r, *i = t.i, *tr = t.free[0], *ti = t.free[1];
        fft(row_plan, i, r, ti, tr, scratch);
        scatter(lane, n, r, 0);
        scatter(lane, n, i, 2 * width);
    }

    // The row spectra of `from`, written to `to` (columns, 2, span).
    void hold(float* from, float* to) {
        for (int r0 = 0; r0 < count() * bins; r0 += L) {
            Rows t = rows_forward(from, r0, buffer);
            for (int w = 0; w < columns; w++) {
                store(to + (size_t)(2 * w) * span + r0, t.r[w]);
                store(to + (size_t)(2 * w + 1) * span + r0, t.i[w]);
            }
        }
    }

    // spectrum = rows' inverse of G_p times the row spectra, which are those of `spectrum`, or held.
    void rows_filtered(int phase) {
        const float* gp = g + (size_t)phase * columns * 2 * span;
        for (int r0 = 0; r0 < count() * bins; r0 += L) {
            Rows t = {buffer[0], buffer[1], {buffer[2], buffer[3], buffer[4], buffer[5]}};
            if (!held) t = rows_forward(spectrum, r0, buffer);
            for (int w = 0; w < columns; w++) {
                size_t at = (size_t)(2 * w) * span + r0;
                V c = load(gp + at), d = load(gp + at + span);
                V x = held ? load(held + at) : t.r[w], y = held ? load(held + at + span) : t.i[w];
                t.r[w] = x * c - y * d;
                t.i[w] = x * d + y * c;
            }
            rows_inverse(t, r0);
        }
    }

    // With the cotangent of one phase in `spectrum`: add to Z_p, and to the sum of conj(G_p) g_p, of which after the
    // last phase `spectrum` becomes the inverse.
    void rows_backward(int phase) {
        size_t plane = (size_t)phase * columns * 2 * span;
        bool last = phase == phases - 1;
        for (int r0 = 0; r0 < count() * bins; r0 += L) {
            V *yr = nullptr, *yi = nullptr, *arrays[6] = {buffer[0], buffer[1], buffer[2], buffer[3], buffer[4], buffer[5]};
            if (z && !held) {
                Rows y = rows_forward(spectrum_y, r0, buffer);
                yr = y.r, yi = y.i;
                for (int n = 0; n < 4; n++) arrays[n] = y.free[n];
                arrays[4] = arrays[5] = nullptr;
            }
            Rows t = rows_forward(spectrum, r0, arrays);
            for (int w = 0; w < columns; w++) {
                size_t at = (size_t)(2 * w) * span + r0;
                V x = t.r[w], y = t.i[w];
                if (z) {
                    V u = held ? load(held + at) : yr[w], v = held ? load(held + at + span) : yi[w];
                    float* d = z + plane + at;
                    store(d, load(d) + (u * x + v * y));
                    store(d + span, load(d + span) + (u * y - v * x));
                }
                if (a.out) {
                    V c = load(g + plane + at), d = load(g + plane + at + span);
                    V p = x * c + y * d, q = y * c - x * d;
                    if (phase) p += load(sum + at), q += load(sum + at + span);
                    if (!last) store(sum + at, p), store(sum + at + span, q);
                    t.r[w] = p, t.i[w] = q;
                }
            }
            if (a.out && last) rows_inverse(t, r0);
        }
    }

    // Where the channel c of the group has its first copy of G_p; the others follow, one for each image.
    INLINE size_t first_copy(int c) const { return (size_t)c * bins; }

    void transfer(int64_t channel) {
        float factor = 0.5f / ((float)rows * (float)columns);
        for (int c = 0; c < channels; c++) {
            const double* kernel = a.kernel + (channel + c) * a.kernel_height * a.kernel_width;
            auto write = phases == 1 ? write_gain<1> : write_gain<0>;
            write(grid, kernel, a.lam[channel + c], factor, g + first_copy(c), span, division.images, channels * bins, work);
        }
    }

    template <class Body>
    INLINE void each_group(int64_t item, Body body) {
        int64_t channel = item / division.divisions * division.channels, part = item % division.divisions;
        int64_t first = part * division.images_a_division, end = first + division.images_a_division;
        if (end > a.batch) end = a.batch;
        channels = (int)(a.channels - channel < division.channels ? a.channels - channel : division.channels);
        transfer(channel);
        if (z) memset(z, 0, sizeof(float) * phases * (size_t)columns * 2 * span);
        for (int64_t image = first; image < end; image += division.images) {
            images = (int)(end - image < division.images ? end - image : division.images);
            body(image, channel);
        }
        if (!z) return;
        int taps = a.kernel_height * a.kernel_width;
        // Both spectra are doubled.
        double factor = 0.25 / ((double)rows * columns);
        for (int c = 0; c < channels; c++) {
            double* to = a.partial + (part * a.channels + channel + c) * (taps + 1);
            auto write = phases == 1 ? write_gradients<1> : write_gradients<0>;
            write(grid, a.kernel + (channel + c) * taps, a.lam[channel + c], factor, z + first_copy(c), span,
                  division.images, channels * bins, work, to, to + taps);
        }
    }

    void forward(int64_t item) {
        each_group(item, [&](int64_t image, int64_t channel) {
            load_maps(image, channel);
            columns_forward(spectrum, row_source);
            if (held) hold(spectrum, held);
            for (int p = 0; p < phases; p++) {
                rows_filtered(p);
                columns_inverse(a.padding_rows, a.padding_rows + a.height);
                store_maps(image, channel, p);
            }
        });
    }

    void backward(int64_t item) {
        each_group(item, [&](int64_t image, int64_t channel) {
            if (z) {
                load_maps(image, channel);
                columns_forward(spectrum_y, row_source);
                if (held) hold(spectrum_y, held);
            }
            for (int p = 0; p < phases; p++) {
                load_cotangent(image, channel, p);
                columns_forward(spectrum, no_border);
                rows_backward(p);
            }
            if (!a.out) return;
            columns_inverse(0, rows);
            store_gradient(image, channel);
        });
    }
};

// Take items from `next` until there are none.
template <class T>
int run(const Problem& a, int64_t* next) {
    Division division(a);
    Arena arena;
    { Filter<T> counted(a, division, arena); }
    Arena whole;
    void* memory = nullptr;
    if (posix_memalign(&memory, 4096, arena.used + 4096)) return 1;
    whole.memory = (char*)memory;
    {
        Filter<T> filter(a, division, whole);
        int64_t item, items = division.items();
        while ((item = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < items) a.grad ? filter.backward(item) : filter.forward(item);
    }
    free(memory);
    return 0;
}

int run_typed(const Problem* a, int64_t* next) {
    if (a->type == BFLOAT16) return run<Bfloat16>(*a, next);
    if (a->type == FLOAT16) return run<Float16>(*a, next);
    return run<float>(*a, next);
}

}  // namespace
