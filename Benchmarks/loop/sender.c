#define _GNU_SOURCE
#include "sender.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <signal.h>
#include <unistd.h>

enum { ARENA = 1 << 20, LARGEST_MESSAGE = 65507, MOST_SEGMENTS = 128 };

struct sender {
    enum send_mode mode;
    int socket;
    unsigned limit, used;
    size_t filled;
    struct mmsghdr *messages;
    struct iovec *pieces;
    struct sockaddr_in *names;
    struct { _Alignas(struct cmsghdr) char octets[CMSG_SPACE(sizeof(uint16_t))]; } *controls;
    uint8_t *arena;
};

static void die(const char *what) {
    fprintf(stderr, "loop: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) die("calloc");
    return memory;
}

void pin(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (core >= 0 && sched_setaffinity(0, sizeof set, &set)) die("sched_setaffinity");
}

struct sender *sender_create(enum send_mode mode, unsigned messages) {
    struct sender *s = allocate(1, sizeof *s);
    // Without GSO every packet is a message.
    *s = (struct sender){.mode = mode, .limit = mode == SEND_GSO ? messages : 64};
    s->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s->socket < 0) die("socket");
    int size = 8 << 20;
    setsockopt(s->socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    s->messages = allocate(s->limit, sizeof *s->messages);
    s->pieces = allocate(s->limit, sizeof *s->pieces);
    s->names = allocate(s->limit, sizeof *s->names);
    s->controls = allocate(s->limit, sizeof *s->controls);
    s->arena = allocate(1, ARENA);
    for (unsigned i = 0; i < s->limit; i++) {
        struct msghdr *header = &s->messages[i].msg_hdr;
        *header = (struct msghdr){&s->names[i], sizeof s->names[i], &s->pieces[i], 1, NULL, 0, 0};
        struct cmsghdr *control = (struct cmsghdr *)s->controls[i].octets;
        *control = (struct cmsghdr){CMSG_LEN(sizeof(uint16_t)), SOL_UDP, UDP_SEGMENT};
    }
    return s;
}

static void add_message(struct sender *s, const struct sockaddr_in *to, uint8_t *from, size_t octets, size_t segment) {
    struct msghdr *header = &s->messages[s->used].msg_hdr;
    s->names[s->used] = *to;
    s->pieces[s->used] = (struct iovec){from, octets};
    uint16_t size = segment;
    int is_several = octets > segment;
    header->msg_control = is_several ? s->controls[s->used].octets : NULL;
    header->msg_controllen = is_several ? sizeof s->controls[0].octets : 0;
    memcpy(CMSG_DATA((struct cmsghdr *)s->controls[s->used].octets), &size, sizeof size);
    s->used++;
}

uint8_t *sender_reserve(struct sender *s, const struct sockaddr_in *to, unsigned count, size_t length,
                        void (*before_sending)(void *), void *context) {
    unsigned per_message = s->mode == SEND_GSO ? LARGEST_MESSAGE / length : 1;
    if (per_message > MOST_SEGMENTS) per_message = MOST_SEGMENTS;
    unsigned messages = (count + per_message - 1) / per_message;
    if (s->used + messages > s->limit || s->filled + count * length > ARENA) sender_flush(s, before_sending, context);
    uint8_t *begin = s->arena + s->filled;
    for (unsigned done = 0; done < count; done += per_message) {
        unsigned here = count - done < per_message ? count - done : per_message;
        add_message(s, to, begin + done * length, here * length, length);
    }
    s->filled += count * length;
    return begin;
}

void sender_flush(struct sender *s, void (*before_sending)(void *), void *context) {
    before_sending(context);
    if (s->mode == SEND_SENDTO) {
        for (unsigned i = 0; i < s->used; i++) {
            const struct iovec *piece = &s->pieces[i];
            if (sendto(s->socket, piece->iov_base, piece->iov_len, 0, (struct sockaddr *)&s->names[i],
                       sizeof s->names[i]) < 0) die("sendto");
        }
    } else {
        for (unsigned sent = 0; sent < s->used;) {
            int count = sendmmsg(s->socket, s->messages + sent, s->used - sent, 0);
            if (count < 0 && errno != EINTR) die("sendmmsg");
            if (count > 0) sent += count;
        }
    }
    s->used = 0, s->filled = 0;
}

// --------------------------------------------------------------------------------------------------- receiving

static int open_receiver(struct sockaddr_in *address, int with_gro) {
    int number = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), size = 4 << 20;
    socklen_t length = sizeof *address;
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (number < 0) die("socket (ulimit -n?)");
    setsockopt(number, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (with_gro && setsockopt(number, SOL_UDP, UDP_GRO, &with_gro, sizeof with_gro)) die("UDP_GRO");
    if (bind(number, (struct sockaddr *)address, length) || getsockname(number, (struct sockaddr *)address, &length))
        die("bind");
    return number;
}

// A datagram of UDP_GRO counts for the packets in it.
static unsigned packets_of(struct mmsghdr *message) {
    struct cmsghdr *control = CMSG_FIRSTHDR(&message->msg_hdr);
    int segment = 0;
    if (control && control->cmsg_type == UDP_GRO) memcpy(&segment, CMSG_DATA(control), sizeof segment);
    return segment ? (message->msg_len + segment - 1) / segment : 1;
}

static void receive_all(int poll, volatile uint64_t *count, int with_gro) {
    enum { BATCH = 64 };
    size_t room = with_gro ? 65536 : 2048;
    uint8_t *buffer = allocate(BATCH, room);
    static char controls[BATCH][CMSG_SPACE(sizeof(int))];
    struct iovec pieces[BATCH];
    struct mmsghdr messages[BATCH];
    struct epoll_event ready[BATCH];
    for (;;) {
        int sockets = epoll_wait(poll, ready, BATCH, -1);
        for (int i = 0; i < sockets; i++) {
            for (int m = 0; m < BATCH; m++) {
                pieces[m] = (struct iovec){buffer + m * room, room};
                messages[m].msg_hdr = (struct msghdr){NULL, 0, &pieces[m], 1, controls[m], sizeof controls[m], 0};
            }
            int received = recvmmsg(ready[i].data.fd, messages, BATCH, MSG_DONTWAIT, NULL);
            for (int m = 0; m < received; m++) *count += packets_of(&messages[m]);
        }
    }
}

const volatile uint64_t *receiver_start(struct sockaddr_in *addresses, unsigned count, int core, int with_gro) {
    volatile uint64_t *received = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (received == MAP_FAILED) die("mmap");
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < count; i++) {
        struct epoll_event event = {EPOLLIN, {.fd = open_receiver(&addresses[i], with_gro)}};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event)) die("epoll_ctl");
    }
    pid_t parent = getpid(), child = fork();
    if (child < 0) die("fork");
    if (child) return received;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    pin(core);
    receive_all(poll, received, with_gro);
    _exit(0);
}
