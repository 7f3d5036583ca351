// SRTP of one viewer, at the cost of the cipher: contexts are set up once, a packet sets only its IV.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum profile { AEAD_AES_128_GCM, AES128_CM_SHA1_80 };
enum backend { BACKEND_EVP, BACKEND_IPSEC_MB };

struct cipher;

// Contexts for `count` viewers, with keys made from the viewer's number. NULL where the backend is not built in.
struct cipher *cipher_create(enum backend, enum profile, unsigned count);

// Octets that a packet grows by.
size_t cipher_tag_length(enum profile);

// Encrypts `length` octets of `plain` behind the header that already stands in `slot`, and appends the tag.
//
// The slot may be unfinished until cipher_finish(), since ipsec-mb takes several packets at once.
void cipher_protect(struct cipher *, unsigned viewer, uint8_t *slot, size_t header, const uint8_t *plain,
                    size_t length, uint32_t ssrc, uint64_t index);

void cipher_finish(struct cipher *);
