// What the publisher of sigma-load sends: the times and sizes of two seconds of it, again and again.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum shape { BURST, PACED };

// Packets of one size that come together.
struct run {
    int64_t at;  // ns from the start of the period
    uint16_t count, length;  // octets of each payload
    uint8_t is_audio;
};

struct stream {
    int64_t period;
    size_t count;
    struct run *runs;
};

// 30 pictures a second of `bitrate`, a keyframe every 2 s of six times the octets, Opus every 20 ms.
struct stream stream_create(int bitrate, enum shape);
