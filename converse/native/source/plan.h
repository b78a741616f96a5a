// How a DFT of one length is computed: what every instruction set shares. Plain data, so that no template of the
// standard library is ever compiled for one instruction set and called on another.
#pragma once

struct Plan;

// A prime length as a cyclic convolution of length prime - 1 (Rader).
struct Rader {
    const Plan* sub;         // of length prime - 1
    const int* in;           // sample in[a] = g^a mod prime
    const int* out;          // frequency out[a] = g^-a mod prime
    const float *re, *im;    // DFT of the convolution's kernel, over prime - 1
};

constexpr int MAX_STAGES = 32;

struct Plan {
    int n;
    int stages;
    int radix[MAX_STAGES];           // in the order in which the stages run
    const Rader* rader[MAX_STAGES];  // null where the stage is a direct one
    int scratch;                     // vectors of work space that the stages need
    const float *re, *im;            // exp(-2 pi i t / n)
    const double *cos, *sin;         // of 2 pi t / n
    const Plan* next;
};

// The plan of length n: made on first use, kept for the life of the process. Any thread may ask; no lock is held,
// so that a fork at any moment leaves a usable library.
const Plan* plan_of(int n);
