// Just enough of CUDA to run a kernel on a CPU: each thread of a block is a thread, one block after the other.
#include <barrier>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <thread>
#include <vector>

#define __device__
#define __global__
#define __constant__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static

struct float2 { float x, y; };
struct double2 { double x, y; };
struct dim { int x; };
inline float2 make_float2(float x, float y) { return {x, y}; }
inline double2 make_double2(double x, double y) { return {x, y}; }
inline int __float_as_int(float x) { int i; std::memcpy(&i, &x, 4); return i; }
inline float __int_as_float(int i) { float x; std::memcpy(&x, &i, 4); return x; }
inline void atomicMax(int* at, int value) {
    int old = __atomic_load_n(at, __ATOMIC_SEQ_CST);
    while (old < value && !__atomic_compare_exchange_n(at, &old, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {}
}
template <class T> T __shfl_xor_sync(unsigned, T value, int) { return value; }  // never called: a warp is one thread
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
using std::fmax;

thread_local dim threadIdx, blockIdx;
static dim blockDim, gridDim;
static std::barrier<>* gate;
inline void __syncthreads() { gate->arrive_and_wait(); }

template <class Body> void launch(int blocks, int threads, Body body) {
    blockDim.x = threads;
    gridDim.x = blocks;
    std::barrier<> own(threads);
    gate = &own;
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t)
        all.emplace_back([=] {
            for (int b = 0; b < blocks; ++b) {
                threadIdx.x = t;
                blockIdx.x = b;
                body();
                __syncthreads();
            }
        });
    for (auto& one : all) one.join();
}

// A function run_<name>(blocks, arguments of the kernel).
#define KERNEL(name, kernel, arguments, ...) \
    extern "C" void run_##name(int blocks, __VA_ARGS__) { launch(blocks, RUN_THREADS, [=] { kernel arguments; }); }
