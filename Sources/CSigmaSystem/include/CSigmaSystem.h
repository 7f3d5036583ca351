#ifndef CSIGMASYSTEM_H
#define CSIGMASYSTEM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <malloc.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

// Function-like macros and what Swift cannot import otherwise: one inline function each, no decisions.

static inline struct cmsghdr *CSigma_CMSG_FIRSTHDR(struct msghdr *m) { return CMSG_FIRSTHDR(m); }
static inline struct cmsghdr *CSigma_CMSG_NXTHDR(struct msghdr *m, struct cmsghdr *c) {
    return CMSG_NXTHDR(m, c);
}
static inline unsigned char *CSigma_CMSG_DATA(struct cmsghdr *c) { return CMSG_DATA(c); }
static inline size_t CSigma_CMSG_LEN(size_t n) { return CMSG_LEN(n); }
static inline size_t CSigma_CMSG_SPACE(size_t n) { return CMSG_SPACE(n); }
static inline int CSigma_fcntl_int(int fd, int command, int argument) {
    return fcntl(fd, command, argument);
}
static inline int CSigma_recvmmsg(int fd, struct mmsghdr *v, unsigned n) {
    return recvmmsg(fd, v, n, MSG_DONTWAIT, NULL);
}
static inline int CSigma_sendmmsg(int fd, struct mmsghdr *v, unsigned n) {
    return sendmmsg(fd, v, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static inline int CSigma_open(const char *path, int flags) { return open(path, flags); }
static inline int CSigma_SIOCGIFCONF(int fd, struct ifconf *c) { return ioctl(fd, SIOCGIFCONF, c); }

// glibc declares these with transparent unions, which Swift cannot pass.
static inline int CSigma_bind(int fd, const void *name, socklen_t length) {
    return bind(fd, (const struct sockaddr *)name, length);
}
static inline int CSigma_connect(int fd, const void *name, socklen_t length) {
    return connect(fd, (const struct sockaddr *)name, length);
}
static inline int CSigma_getsockname(int fd, void *name, socklen_t *length) {
    return getsockname(fd, (struct sockaddr *)name, length);
}
static inline int CSigma_accept(int fd) {
    return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}
static inline ssize_t CSigma_sendto(
    int fd, const void *octets, size_t count, const void *name, socklen_t length) {
    return sendto(fd, octets, count, MSG_NOSIGNAL, (const struct sockaddr *)name, length);
}
static inline int CSigma_getOpenFileLimit(struct rlimit *limit) { return getrlimit(RLIMIT_NOFILE, limit); }
static inline int CSigma_setOpenFileLimit(const struct rlimit *limit) {
    return setrlimit(RLIMIT_NOFILE, limit);
}
static inline int CSigma_processorCount(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}
static inline int CSigma_isMapFailed(const void *address) { return address == MAP_FAILED; }
static inline void CSigma_ignoreSIGPIPE(void) { signal(SIGPIPE, SIG_IGN); }

static inline char **CSigma_environ(void) { return environ; }

static inline int CSigma_create(const char *path, mode_t mode) {
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
}
static inline int CSigma_terminalColumns(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static inline int CSigma_errno(void) { return errno; }

#endif
