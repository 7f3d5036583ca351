#ifndef SIGMA_COPENSSL_HMAC_H
#define SIGMA_COPENSSL_HMAC_H

#include <openssl/sha.h>
#include <stdint.h>
#include <string.h>

// HMAC-SHA1 with the two padded keys hashed once (RFC 2104 §4, "Implementation Note"). OpenSSL's own HMAC and
// EVP_MAC hash or copy them anew for each message, on the heap.

typedef struct {
    SHA_CTX inner;
    SHA_CTX outer;
} COpenSSL_HMACSHA1;

/// `count` is at most 64 octets.
static inline void COpenSSL_HMACSHA1_init(COpenSSL_HMACSHA1 *state, const uint8_t *key, size_t count) {
    uint8_t pad[SHA_CBLOCK] = {0};
    memcpy(pad, key, count < SHA_CBLOCK ? count : SHA_CBLOCK);
    for (int i = 0; i < SHA_CBLOCK; i++) pad[i] ^= 0x36;
    SHA1_Init(&state->inner);
    SHA1_Update(&state->inner, pad, SHA_CBLOCK);
    for (int i = 0; i < SHA_CBLOCK; i++) pad[i] ^= 0x36 ^ 0x5c;
    SHA1_Init(&state->outer);
    SHA1_Update(&state->outer, pad, SHA_CBLOCK);
    OPENSSL_cleanse(pad, sizeof pad);
}

/// The code of two octet strings, one after the other.
static inline void COpenSSL_HMACSHA1_code(
    const COpenSSL_HMACSHA1 *state, const void *first, size_t firstCount, const void *second,
    size_t secondCount, uint8_t code[SHA_DIGEST_LENGTH]
) {
    SHA_CTX hash = state->inner;
    SHA1_Update(&hash, first, firstCount);
    SHA1_Update(&hash, second, secondCount);
    SHA1_Final(code, &hash);
    hash = state->outer;
    SHA1_Update(&hash, code, SHA_DIGEST_LENGTH);
    SHA1_Final(code, &hash);
}

#endif
