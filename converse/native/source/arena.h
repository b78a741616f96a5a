// Work space of one thread for one call: one block, handed out piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(begin, size)
#endif

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
        size_t before = used, start = used + 64 * (pieces++ % 7), end = start + count * sizeof(T);
        used = (end + 127) / 64 * 64;
        if (!memory) return nullptr;
        // What lies between two pieces belongs to none: AddressSanitizer is told, to which all of this is one block.
        ASAN_POISON_MEMORY_REGION(memory + before, start - before);
        ASAN_POISON_MEMORY_REGION(memory + end, used - end);
        return (T*)(memory + start);
    }
};

}  // namespace
