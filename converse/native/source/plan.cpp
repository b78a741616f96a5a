// Making and keeping plans.
#include "plan.h"

#include <cmath>
#include <cstdlib>

namespace {

constexpr int LEAST_RADER = 61;  // below it a direct DFT of mirrored pairs is faster
// Radices in the order in which their stages run best, and the time of a stage a sample, measured (AVX-512 and AVX2
// agree). Larger ones, 9 to 16, were tried: they run out of registers and lose to two stages.
struct Radix {
    int size;
    double cost;
};
constexpr Radix RADICES[] = {{4, 12.5}, {2, 9}, {6, 13.5}, {8, 20}, {5, 14}, {3, 12.5}, {7, 22}, {11, 33}, {13, 43}};

// The cheapest product of RADICES[from ...] that is n, which has no prime factor above 13; infinite if there is none.
double cheapest(int n, int from, int* radix, int& stages) {
    stages = 0;
    if (n == 1) return 0;
    double best = 1e30;
    for (int at = from; at < int(sizeof RADICES / sizeof *RADICES); at++) {
        if (n % RADICES[at].size) continue;
        int rest[MAX_STAGES], count;
        double total = RADICES[at].cost + cheapest(n / RADICES[at].size, at, rest, count);
        if (total >= best) continue;
        best = total;
        radix[0] = RADICES[at].size;
        for (int i = 0; i < count; i++) radix[i + 1] = rest[i];
        stages = count + 1;
    }
    return best;
}

template <class T>
T* array(int n) {
    return static_cast<T*>(malloc(sizeof(T) * (n + 16)));  // rows of tables are read in whole vectors
}

const Rader* rader_of(int prime) {
    int n = prime - 1, g = 2;
    for (;; g++) {  // a generator: its powers visit every residue
        long v = 1;
        int order = 0;
        do v = v * g % prime, order++;
        while (v != 1);
        if (order == n) break;
    }
    auto* in = array<int>(n);
    auto* out = array<int>(n);
    long v = 1;
    for (int a = 0; a < n; a++, v = v * g % prime) in[a] = int(v);
    for (int a = 0; a < n; a++) out[a] = in[(n - a) % n];
    auto *re = array<float>(n), *im = array<float>(n);
    auto *c = array<double>(prime), *s = array<double>(prime), *cn = array<double>(n), *sn = array<double>(n);
    for (int t = 0; t < prime; t++) c[t] = cos(2 * M_PI * t / prime), s[t] = -sin(2 * M_PI * t / prime);
    for (int t = 0; t < n; t++) cn[t] = cos(2 * M_PI * t / n), sn[t] = -sin(2 * M_PI * t / n);
    for (int k = 0; k < n; k++) {
        double r = 0, i = 0;
        for (int t = 0, turn = 0; t < n; t++) {
            r += c[out[t]] * cn[turn] - s[out[t]] * sn[turn];
            i += c[out[t]] * sn[turn] + s[out[t]] * cn[turn];
            turn += k;
            if (turn >= n) turn -= n;
        }
        re[k] = float(r / n);
        im[k] = float(i / n);
    }
    free(c), free(s), free(cn), free(sn);
    return new Rader{plan_of(n), in, out, re, im};
}

Plan* make(int n) {
    auto* plan = new Plan{};
    plan->n = n;
    int smooth = n, count = 0;
    const int small[] = {2, 3, 5, 7, 11, 13};
    for (int r : small)
        while (smooth % r == 0) smooth /= r;
    int rest = smooth;
    smooth = n / rest;
    for (int r = 17; rest > 1; r = long(r) * r > rest ? rest : r + 2)  // beyond the root what is left is prime
        while (rest % r == 0) {
            plan->radix[count] = r;
            bool again = count && plan->radix[count - 1] == r;
            plan->rader[count] = r < LEAST_RADER ? nullptr : again ? plan->rader[count - 1] : rader_of(r);
            int need = plan->rader[count] ? 4 * r + plan->rader[count]->sub->scratch : 2 * (r + 3);
            if (need > plan->scratch) plan->scratch = need;
            count++;
            rest /= r;
        }
    int stages, radix[MAX_STAGES];
    cheapest(smooth, 0, radix, stages);
    for (int i = 0; i < stages; i++) plan->radix[count++] = radix[i];
    plan->stages = count;
    auto *re = array<float>(n), *im = array<float>(n);
    auto *c = array<double>(n), *s = array<double>(n);
    for (int t = 0; t < n; t++) {
        c[t] = cos(2 * M_PI * t / n), s[t] = sin(2 * M_PI * t / n);
        re[t] = float(c[t]), im[t] = float(-s[t]);
    }
    plan->re = re, plan->im = im, plan->cos = c, plan->sin = s;
    return plan;
}

const Plan* plans = nullptr;

}  // namespace

const Plan* plan_of(int n) {
    const Plan* head = __atomic_load_n(&plans, __ATOMIC_ACQUIRE);
    for (const Plan* p = head; p; p = p->next)
        if (p->n == n) return p;
    Plan* fresh = make(n);
    // Two threads that make the same plan at once leave two: harmless, and rarer than a lock is dear.
    do fresh->next = head = __atomic_load_n(&plans, __ATOMIC_ACQUIRE);
    while (!__atomic_compare_exchange_n(&plans, &head, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    return fresh;
}
