// Just enough of CUDA to run a kernel on a CPU: each thread of a block is a thread, one block after the other.
#include <barrier>
#include <cmath>
#include <cstddef>
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
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
inline float __shfl_xor_sync(unsigned, float value, int) { return value; }  // never called: a warp is one thread
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
