// The batch of datagrams and the sockets it goes to.
#pragma once
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum send_mode { SEND_GSO, SEND_SENDMMSG, SEND_SENDTO };

struct sender;

// One socket that sends; `messages` in a batch.
struct sender *sender_create(enum send_mode, unsigned messages);

// Room for one viewer's run of `count` packets of `length` octets, one behind the other. May send what is full.
uint8_t *sender_reserve(struct sender *, const struct sockaddr_in *, unsigned count, size_t length,
                        void (*before_sending)(void *), void *);

void sender_flush(struct sender *, void (*before_sending)(void *), void *);

// Starts a process on `core` that reads `count` sockets, whose addresses it stores, and counts their packets.
//
// Returns where the count stands. The process ends with its parent.
const volatile uint64_t *receiver_start(struct sockaddr_in *addresses, unsigned count, int core, int with_gro);

void pin(int core);
