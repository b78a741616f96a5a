// Work space of one thread for one call: one block, handed out piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

// Built twice: without memory it only counts, then with as much as was counted.
struct Arena {
    char* memory = nullptr;
    size_t used = 0;
    int pieces = 0;

    bool holds() const { return memory != nullptr; }

    template <class T>
    T* take(size_t count) {
        // Pieces of a power of two would compete for the same lines of the cache.
        size_t start = used + 64 * (pieces++ % 7);
        used = start + (count * sizeof(T) + 127) / 64 * 64;
        return memory ? (T*)(memory + start) : nullptr;
    }
};

}  // namespace
