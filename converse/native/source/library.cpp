// What Python calls: the choice of an instruction set, and the division of work among threads.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "problem.h"

#ifdef __x86_64__
extern const Level baseline, avx2, avx512;
#else
extern const Level baseline;
#endif

namespace {

const Level* level = &baseline;

bool runs(const Level& wanted) {
#ifdef __x86_64__
    if (&wanted == &avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (&wanted == &avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return &wanted == &baseline;
}

// torch's own at::parallel_for, by its C name; or null: this thread does everything.
typedef int32_t (*ParallelFor)(int64_t begin, int64_t end, int64_t grain, void (*)(int64_t, int64_t, void*), void*);

template <class Body>
void share(ParallelFor parallel_for, int64_t threads, Body body) {
    auto run = [](int64_t begin, int64_t end, void* body) {
        for (int64_t i = begin; i < end; i++) (*(Body*)body)();
    };
    if (parallel_for && threads > 1)
        parallel_for(0, threads, 1, run, &body);
    else
        body();
}

#ifdef __linux__
// Fresh memory is filled many times faster in large pages.
void advise(void* memory, size_t bytes) {
    constexpr size_t WORTH_IT = 4 << 20, PAGE = 4096;
    if (!memory || bytes < WORTH_IT) return;
    uintptr_t begin = ((uintptr_t)memory + PAGE - 1) & ~(PAGE - 1), end = ((uintptr_t)memory + bytes) & ~(PAGE - 1);
    madvise((void*)begin, end - begin, MADV_HUGEPAGE);
}
#else
void advise(void*, size_t) {}
#endif

}  // namespace

#ifndef ABOUT
#define ABOUT "{}"
#endif
#define API __attribute__((visibility("default")))

extern "C" {

// Who made this library, and how, as JSON.
API const char* converse_about() { return ABOUT; }

// Choose the widest instruction set that this processor has, or the one of that name. Null: there is none such.
API const char* converse_level(const char* name) {
#ifdef __x86_64__
    const Level* all[] = {&avx512, &avx2, &baseline};
#else
    const Level* all[] = {&baseline};
#endif
    for (const Level* each : all)
        if (runs(*each) && (!*name || !strcmp(name, each->name))) return (level = each)->name;
    return nullptr;
}

API int64_t converse_divisions(const Problem* a) { return level->divisions(a); }

// 0, or 1: no memory for work space.
API int converse_run(const Problem* a, ParallelFor parallel_for, int64_t threads) {
    int64_t items = level->items(a), next = 0;
    int failed = 0;
    size_t samples = (size_t)a->batch * a->channels * a->height * a->width;
    if (!a->grad) samples *= (size_t)a->scale * a->scale;
    advise(a->out, samples * (a->type == FLOAT32 ? 4 : 2));
    share(parallel_for, threads < items ? threads : items, [&] {
        if (level->run(a, &next)) __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
    });
    return failed;
}

// out (batch, channels, height scale, width scale) = y times its channel's pattern (channels, scale, scale).
API void converse_upsample(const float* y, const float* pattern, float* out, int64_t batch, int64_t channels,
                       int32_t height, int32_t width, int32_t scale, ParallelFor parallel_for, int64_t threads) {
    int64_t next = 0, maps = batch * channels, size = (int64_t)height * width, area = (int64_t)scale * scale;
    advise(out, maps * size * area * 4);
    share(parallel_for, threads < maps ? threads : maps, [&] {
        for (int64_t m; (m = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < maps;)
            level->upsample(y + m * size, pattern + m % channels * area, out + m * size * area, height, width, scale);
    });
}

// Its gradients: dy, or null; and dpattern (batch, channels, scale, scale), one for each map, or null.
API void converse_downsample(const float* grad, const float* y, const float* pattern, float* dy, double* dpattern,
                         int64_t batch, int64_t channels, int32_t height, int32_t width, int32_t scale,
                         ParallelFor parallel_for, int64_t threads) {
    int64_t next = 0, maps = batch * channels, size = (int64_t)height * width, area = (int64_t)scale * scale;
    advise(dy, maps * size * 4);
    share(parallel_for, threads < maps ? threads : maps, [&] {
        for (int64_t m; (m = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < maps;)
            level->downsample(grad + m * size * area, y + m * size, pattern + m % channels * area,
                              dy ? dy + m * size : nullptr, dpattern ? dpattern + m * area : nullptr, height, width, scale);
    });
}

// Enter or leave, or its gradients. 0, or 1: no memory for work space.
API int converse_block(const Block* a, ParallelFor parallel_for, int64_t threads) {
    int64_t items = level->block_items(a), next = 0, room = level->block_sums(a);
    float* sums = room ? (float*)malloc(items * room * sizeof(float)) : nullptr;
    int failed = room && !sums;
    size_t bytes = (size_t)a->batch * a->pixels * 4;
    advise(a->out, bytes * (!a->grad == !!a->enters ? a->hidden : a->channels));
    if (!a->grad) advise(a->slope, bytes * a->hidden);
    if (!failed)
        share(parallel_for, threads < items ? threads : items, [&] {
            if (level->block(a, &next, sums)) __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
        });
    if (!failed && room) level->finish_block(a, sums);
    free(sums);
    return failed;
}
}
