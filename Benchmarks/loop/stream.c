#include "stream.h"
#include <stdio.h>
#include <stdlib.h>

enum { FRAMES_PER_SECOND = 30, KEYFRAME_SECONDS = 2, KEYFRAME_WEIGHT = 6, LARGEST_PIECE = 1098 };

static int by_time(const void *a, const void *b) {
    const struct run *left = a, *right = b;
    return (left->at > right->at) - (left->at < right->at);
}

struct stream stream_create(int bitrate, enum shape shape) {
    const int frames = FRAMES_PER_SECOND * KEYFRAME_SECONDS;
    const int share = bitrate / 8 * KEYFRAME_SECONDS / (frames - 1 + KEYFRAME_WEIGHT);
    const int64_t second = 1000000000, spacing = second / FRAMES_PER_SECOND;
    size_t most = frames * (2 + share * KEYFRAME_WEIGHT / LARGEST_PIECE) + 50 * KEYFRAME_SECONDS;
    struct stream s = {.period = KEYFRAME_SECONDS * second, .runs = calloc(most, sizeof *s.runs)};
    if (!s.runs) {
        fprintf(stderr, "loop: no memory for the stream\n");
        exit(1);
    }
    for (int frame = 0; frame < frames; frame++) {
        int octets = frame == 0 ? share * KEYFRAME_WEIGHT : share;
        int pieces = (octets + LARGEST_PIECE - 1) / LARGEST_PIECE;
        // Pieces that differ by an octet are padded to one size; two octets of FU-A before each.
        struct run all = {.at = frame * spacing, .count = pieces, .length = (octets + pieces - 1) / pieces + 2};
        if (shape == BURST) {
            s.runs[s.count++] = all;
            continue;
        }
        for (int piece = 0; piece < pieces; piece++) {
            s.runs[s.count++] = (struct run){all.at + piece * spacing / pieces, 1, all.length, 0};
        }
    }
    for (int packet = 0; packet < 50 * KEYFRAME_SECONDS; packet++) {
        s.runs[s.count++] = (struct run){packet * second / 50, 1, 81, 1};
    }
    qsort(s.runs, s.count, sizeof *s.runs, by_time);
    return s;
}
