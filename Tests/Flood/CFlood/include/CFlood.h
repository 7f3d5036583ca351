#ifndef CFLOOD_H
#define CFLOOD_H

#include <stddef.h>
#include <stdint.h>

/// Opens a packet socket that sends Ethernet frames out of `interface`, past any queueing discipline.
///
/// Returns the descriptor, or -1 with errno set: EPERM without CAP_NET_RAW.
int CFlood_open(const char *interface);

/// Sends `count` frames, at most 64, each at the next `stride` octets from `frames` on.
///
/// Returns how many the kernel took, or -1 with errno set.
int CFlood_send(int descriptor, const uint8_t *frames, size_t stride, const uint32_t *lengths, unsigned count);

#endif
