#define _GNU_SOURCE
#include "CFlood.h"

#include <errno.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT 64

int CFlood_open(const char *interface) {
    unsigned index = if_nametoindex(interface);
    if (index == 0) return -1;
    // Protocol 0: nothing is received.
    int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    struct sockaddr_ll name = {.sll_family = AF_PACKET, .sll_ifindex = (int)index};
    int on = 1;
    if (bind(descriptor, (struct sockaddr *)&name, sizeof name) != 0
        || setsockopt(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0) {
        int code = errno;
        close(descriptor);
        errno = code;
        return -1;
    }
    return descriptor;
}

int CFlood_send(int descriptor, const uint8_t *frames, size_t stride, const uint32_t *lengths, unsigned count) {
    struct mmsghdr messages[LIMIT] = {0};
    struct iovec vectors[LIMIT];
    if (count > LIMIT) count = LIMIT;
    for (unsigned index = 0; index < count; index++) {
        vectors[index].iov_base = (void *)(frames + index * stride);
        vectors[index].iov_len = lengths[index];
        messages[index].msg_hdr.msg_iov = &vectors[index];
        messages[index].msg_hdr.msg_iovlen = 1;
    }
    return sendmmsg(descriptor, messages, count, 0);
}
