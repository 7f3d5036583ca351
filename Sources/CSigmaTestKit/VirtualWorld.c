// Only test executables link this file: it takes the place of libc's clock for OpenSSL's DTLS timers, and
// of OpenSSL's randomness, so that a handshake runs in virtual time and repeats octet for octet. Threads
// that have not entered a world get the real ones.

#define _GNU_SOURCE
#define OPENSSL_SUPPRESS_DEPRECATED

#include "CSigmaTestKit.h"

#include <errno.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>

static __thread struct CSigmaTestKit_world *current;

int gettimeofday(struct timeval *restrict value, void *restrict zone) {
    (void)zone;
    if (current != NULL) {
        value->tv_sec = current->now / 1000000000;
        value->tv_usec = current->now % 1000000000 / 1000;
        return 0;
    }
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    value->tv_sec = now.tv_sec;
    value->tv_usec = now.tv_nsec / 1000;
    return result;
}

time_t time(time_t *value) {
    struct timeval now;
    gettimeofday(&now, NULL);
    if (value != NULL) *value = now.tv_sec;
    return now.tv_sec;
}

// SplitMix64.
static uint64_t next(struct CSigmaTestKit_world *world) {
    uint64_t z = world->random += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

static int randomOctets(unsigned char *octets, int count) {
    if (current != NULL) {
        for (int i = 0; i < count; i++) octets[i] = (unsigned char)next(current);
        return 1;
    }
    for (int done = 0; done < count;) {
        ssize_t got = getrandom(octets + done, (size_t)(count - done), 0);
        if (got < 0 && errno != EINTR) return 0;
        if (got > 0) done += (int)got;
    }
    return 1;
}

static int ready(void) { return 1; }

static const RAND_METHOD method = {
    .bytes = randomOctets,
    .pseudorand = randomOctets,
    .status = ready,
};

static void install(void) { RAND_set_rand_method(&method); }

void CSigmaTestKit_enter(struct CSigmaTestKit_world *world) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    current = world;
}
