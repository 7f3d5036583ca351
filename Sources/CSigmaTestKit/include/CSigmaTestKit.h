#ifndef SIGMA_TEST_KIT_H
#define SIGMA_TEST_KIT_H

#include <stdint.h>

/// What a simulation puts in the place of the clock and of randomness while one of its steps runs.
struct CSigmaTestKit_world {
    /// Unix time, ns.
    int64_t now;
    /// State of the generator.
    uint64_t random;
};

/// Makes `world` the clock and the source of randomness of the calling thread, NULL the real ones again.
///
/// In force for whatever OpenSSL asks: it reads gettimeofday itself, and its timers cannot be told the time.
void CSigmaTestKit_enter(struct CSigmaTestKit_world *world);

#endif
