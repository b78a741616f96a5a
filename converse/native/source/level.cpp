// The operator for one instruction set: compiled once for each, with LANES and LEVEL defined.
#include "block.h"
#include "filter.h"
#include "pattern.h"
#include "problem.h"

#define QUOTED(x) #x
#define NAME(x) QUOTED(x)

namespace {

int64_t items(const Problem* a) { return Division(*a).items(); }
int64_t divisions(const Problem* a) { return Division(*a).divisions; }

}  // namespace

extern const Level LEVEL;
const Level LEVEL = {NAME(LEVEL), LANES, items, divisions, run_typed, upsample, downsample,
                     block_items, block_sums, run_block, finish_block};
