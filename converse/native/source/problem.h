// One call of the operator, as the caller describes it. Mirrored field by field in converse/native/library.py.
#pragma once

#include <cstdint>

enum Mode { ZEROS, REFLECT, REPLICATE, CIRCULAR };
enum Type { FLOAT32, BFLOAT16, FLOAT16 };

struct Problem {
    const void* y;         // (batch, channels, height, width)
    const void* grad;      // of the output; forward: null
    void* out;             // forward: (batch, channels, height scale, width scale); backward: gradient of y, or null
    const double* kernel;  // (channels, kernel_height, kernel_width)
    const double* lam;     // (channels,)
    double* partial;       // backward: (items, channels, taps + 1): gradients of kernel and lam, to be added up; or null
    int64_t batch, channels;
    int32_t height, width, kernel_height, kernel_width, scale, padding_rows, padding_columns;
    int32_t mode, nearest, type;
};

// One call of a block's pointwise half. Mirrored field by field too.
struct Block {
    const float* x;       // (batch, channels, pixels): what enters, or what leave adds
    const float* y;       // (batch, hidden, pixels): what leaves; enter: null
    const float* grad;    // of the output; forward: null
    float* out;           // forward: the output; backward: gradient of x (enter) or y (leave), or null
    float* slope;         // (batch, hidden, pixels): GELU' of enter, written forward and read backward; or null
    const float *weight;  // enter: (hidden, channels); leave: (channels, hidden)
    const float *bias, *gain, *shift;  // enter: gain and shift of the norm; leave: gain is alpha, or null
    float *dweight, *dbias, *dgain, *dshift;  // backward: gradients, or all null
    int64_t batch, pixels;
    int32_t channels, hidden, enters, activates;
    float eps;
};

// One instruction set's operator. Work is cut into items, which any thread may take in any order.
struct Level {
    const char* name;
    int lanes;
    int64_t (*items)(const Problem*);      // independent pieces of work
    int64_t (*divisions)(const Problem*);  // pieces into which each channel's batch is cut: partial results to add up
    int (*run)(const Problem*, int64_t* next);  // take items until there are none; 0, or 1: out of memory
    void (*upsample)(const float* y, const float* pattern, float* out, int32_t height, int32_t width, int32_t scale);
    void (*downsample)(const float* grad, const float* y, const float* pattern, float* dy, double* dpattern,
                       int32_t height, int32_t width, int32_t scale);
    int64_t (*block_items)(const Block*);
    int64_t (*block_sums)(const Block*);                     // floats of one item's sums
    int (*block)(const Block*, int64_t* next, float* sums);  // as run
    void (*finish_block)(const Block*, float* sums);         // the parameters' gradients
};
