// The floor: nothing but rewriting the header, encrypting and sending the packets of one publisher to N viewers.
//
// Prints one JSON object: CPU time of the sending thread per packet, and what the receivers saw.
#define _GNU_SOURCE
#include "cipher.h"
#include "sender.h"
#include "stream.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RTP_HEADER = 12, EXTENSION = 8, HEADER = RTP_HEADER + EXTENSION };

struct options {
    int viewers, seconds, bitrate, core, receiver_core, messages, with_gro;
    enum profile profile;
    enum backend backend;
    enum send_mode mode;
    enum shape shape;
};

struct forwarder {
    struct options options;
    struct cipher *cipher;
    struct sender *sender;
    struct sockaddr_in *addresses;
    uint64_t next_index[2];
    uint64_t packets;
    uint8_t plain[1500];
};

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void wait_until(int64_t moment) {
    struct timespec time = {moment / 1000000000, moment % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) continue;
}

// RFC 3550 §5.1, with one one-byte extension block (RFC 8285 §4.2): 12 + 8 octets.
static void write_header(uint8_t *at, int is_audio, int is_last, uint64_t index, uint32_t timestamp, uint32_t ssrc) {
    uint32_t words[5] = {
        htonl(0x90000000u | (uint32_t)is_last << 23 | (is_audio ? 111u : 102u) << 16 | (index & 0xFFFF)),
        htonl(timestamp), htonl(ssrc), htonl(0xBEDE0001), htonl(0x40300000u | (uint32_t)is_audio << 16)};
    memcpy(at, words, HEADER);
}

static void finish_ciphers(void *cipher) { cipher_finish(cipher); }

static void forward(struct forwarder *f, const struct run *run, uint32_t timestamp) {
    size_t length = HEADER + run->length + cipher_tag_length(f->options.profile);
    uint64_t first = f->next_index[run->is_audio];
    for (int viewer = 0; viewer < f->options.viewers; viewer++) {
        uint32_t ssrc = 0x51600000u + 2 * viewer + run->is_audio;
        uint8_t *slot = sender_reserve(
            f->sender, &f->addresses[viewer], run->count, length, finish_ciphers, f->cipher);
        for (unsigned packet = 0; packet < run->count; packet++, slot += length) {
            uint64_t index = first + packet;
            write_header(slot, run->is_audio, packet + 1u == run->count, index, timestamp, ssrc);
            cipher_protect(f->cipher, viewer, slot, HEADER, f->plain, run->length, ssrc, index);
        }
    }
    sender_flush(f->sender, finish_ciphers, f->cipher);
    f->next_index[run->is_audio] += run->count;
    f->packets += (uint64_t)run->count * f->options.viewers;
}

// Plays the stream for some seconds. Returns how late the latest run of it began, ns.
static int64_t play(struct forwarder *f, const struct stream *stream, int seconds) {
    int64_t begin = now(CLOCK_MONOTONIC), end = begin + seconds * 1000000000LL, latest = 0;
    for (int64_t period = begin;; period += stream->period) {
        for (size_t i = 0; i < stream->count; i++) {
            int64_t due = period + stream->runs[i].at;
            if (due >= end) return latest;
            wait_until(due);
            int64_t late = now(CLOCK_MONOTONIC) - due;
            if (late > latest) latest = late;
            forward(f, &stream->runs[i], (uint32_t)((due - begin) * 9 / 100000));
        }
    }
}

// The receivers have a moment for what is still in their sockets.
static void drain(void) { wait_until(now(CLOCK_MONOTONIC) + 100000000); }

static int choose(const char *name, const char *value, const char *const *choices) {
    for (int i = 0; choices[i]; i++) {
        if (!strcmp(choices[i], value)) return i;
    }
    fprintf(stderr, "loop: --%s does not know %s; see --help\n", name, value);
    exit(64);
}

static struct options parse(int count, char **arguments) {
    static const struct option known[] = {
        {"viewers", 1, 0, 'v'}, {"seconds", 1, 0, 't'}, {"bitrate", 1, 0, 'b'}, {"core", 1, 0, 'c'},
        {"receiver-core", 1, 0, 'r'}, {"messages", 1, 0, 'm'}, {"gro", 0, 0, 'g'}, {"srtp", 1, 0, 'p'},
        {"backend", 1, 0, 'k'}, {"send", 1, 0, 's'}, {"shape", 1, 0, 'f'}, {"help", 0, 0, 'h'}, {0}};
    struct options o = {
        .viewers = 100, .seconds = 5, .bitrate = 2500000, .core = -1, .receiver_core = -1, .messages = 16};
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (option) {
        case 'v': o.viewers = atoi(optarg); break;
        case 't': o.seconds = atoi(optarg); break;
        case 'b': o.bitrate = atoi(optarg); break;
        case 'c': o.core = atoi(optarg); break;
        case 'r': o.receiver_core = atoi(optarg); break;
        case 'm': o.messages = atoi(optarg); break;
        case 'g': o.with_gro = 1; break;
        case 'p': o.profile = choose("srtp", optarg, (const char *const[]){"gcm", "cm", NULL}); break;
        case 'k': o.backend = choose("backend", optarg, (const char *const[]){"evp", "ipsec-mb", NULL}); break;
        case 's': o.mode = choose("send", optarg, (const char *const[]){"gso", "sendmmsg", "sendto", NULL}); break;
        case 'f': o.shape = choose("shape", optarg, (const char *const[]){"burst", "paced", NULL}); break;
        default:
            puts("usage: loop [--viewers 100] [--seconds 5] [--bitrate 2500000] [--srtp gcm|cm] [--shape burst|paced]\n"
                 "            [--backend evp|ipsec-mb] [--send gso|sendmmsg|sendto] [--messages 16] [--gro]\n"
                 "            [--core N] [--receiver-core N]");
            exit(option == 'h' ? 0 : 64);
        }
    }
    if (o.viewers < 1 || o.seconds < 1 || o.bitrate < 8000 || o.messages < 2) {
        fprintf(stderr, "loop: --viewers, --seconds, --bitrate or --messages is too small\n");
        exit(64);
    }
    return o;
}

int main(int count, char **arguments) {
    struct forwarder f = {.options = parse(count, arguments)};
    f.cipher = cipher_create(f.options.backend, f.options.profile, f.options.viewers);
    if (!f.cipher) {
        fprintf(stderr, "loop: built without ipsec-mb; apt-get install libipsec-mb-dev, and build again\n");
        return 69;
    }
    f.addresses = calloc(f.options.viewers, sizeof *f.addresses);
    const volatile uint64_t *received =
        receiver_start(f.addresses, f.options.viewers, f.options.receiver_core, f.options.with_gro);
    pin(f.options.core);
    f.sender = sender_create(f.options.mode, f.options.messages);
    memset(f.plain, 0x5A, sizeof f.plain);
    struct stream stream = stream_create(f.options.bitrate, f.options.shape);
    play(&f, &stream, 1);  // caches and buffers warm
    drain();
    uint64_t packets = f.packets, received_before = *received;
    int64_t cpu = now(CLOCK_THREAD_CPUTIME_ID), begin = now(CLOCK_MONOTONIC);
    int64_t late = play(&f, &stream, f.options.seconds);
    cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
    int64_t wall = now(CLOCK_MONOTONIC) - begin;
    packets = f.packets - packets;
    drain();
    printf("{\"viewers\":%d,\"seconds\":%.3f,\"packets\":%lu,\"lost_packets\":%ld,\"cpu_seconds\":%.6f,"
           "\"cpu_us_per_packet\":%.4f,\"late_ms\":%.1f}\n",
           f.options.viewers, wall / 1e9, packets, (long)(packets - (*received - received_before)), cpu / 1e9,
           cpu / 1e3 / packets, late / 1e6);
    return 0;
}
