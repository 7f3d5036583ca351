#ifndef SIGMA_C_ALLOCATION_COUNTER_H
#define SIGMA_C_ALLOCATION_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

/// Whether this build counts: not under a sanitizer, which has an allocator of its own.
bool CAllocationCounter_isThere(void);

/// Begins to count what the calling thread does; what was counted before stays.
void CAllocationCounter_begin(void);
void CAllocationCounter_end(void);

/// malloc, calloc, realloc and the aligned ones, while the calling thread counted.
uint64_t CAllocationCounter_allocations(void);
/// swift_retain and its kin, while the calling thread counted.
uint64_t CAllocationCounter_retains(void);
uint64_t CAllocationCounter_releases(void);
/// Checks of exclusive access at run time, while the calling thread counted.
uint64_t CAllocationCounter_accesses(void);

#endif
