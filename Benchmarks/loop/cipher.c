// RFC 3711 §4.1.1 and §4.2.1, RFC 7714 §8.1 and §9.1.
#define OPENSSL_SUPPRESS_DEPRECATED  // SHA1_* with precomputed pads is the fastest that OpenSSL has
#include "cipher.h"
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef WITH_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

struct viewer {
    uint8_t salt[14];
    EVP_CIPHER_CTX *context;
    SHA_CTX inner, outer;
#ifdef WITH_IPSEC_MB
    _Alignas(64) struct gcm_key_data gcm;  // the library reads it with aligned loads
    _Alignas(16) uint32_t round_keys[60];
    _Alignas(16) uint8_t inner_hash[20], outer_hash[20];
    // Of the jobs in flight; more than the library keeps. It writes 12 octets of tag, SRTP wants 10.
    _Alignas(16) struct { uint8_t iv[16], tag[16]; } flights[64];
    unsigned next_flight;
#endif
};

struct cipher {
    enum backend backend;
    enum profile profile;
    struct viewer *viewers;
#ifdef WITH_IPSEC_MB
    IMB_MGR *manager;
#endif
};

static void die(const char *what) {
    fprintf(stderr, "loop: %s failed\n", what);
    exit(1);
}

static void fill(uint8_t *octets, size_t count, uint32_t seed) {
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525 + 1013904223;
        octets[i] = seed >> 24;
    }
}

static void prepare_evp(const struct cipher *c, struct viewer *v, const uint8_t key[16], const uint8_t auth[20]) {
    const EVP_CIPHER *kind = c->profile == AEAD_AES_128_GCM ? EVP_aes_128_gcm() : EVP_aes_128_ctr();
    v->context = EVP_CIPHER_CTX_new();
    if (!v->context || !EVP_EncryptInit_ex(v->context, kind, NULL, key, NULL)) die("EVP_EncryptInit_ex");
    uint8_t pad[64];
    for (int i = 0; i < 64; i++) pad[i] = (i < 20 ? auth[i] : 0) ^ 0x36;
    SHA1_Init(&v->inner);
    SHA1_Update(&v->inner, pad, 64);
    for (int i = 0; i < 64; i++) pad[i] ^= 0x36 ^ 0x5c;
    SHA1_Init(&v->outer);
    SHA1_Update(&v->outer, pad, 64);
}

#ifdef WITH_IPSEC_MB
static void prepare_ipsec_mb(const struct cipher *c, struct viewer *v, const uint8_t key[16], const uint8_t auth[20]) {
    _Alignas(16) uint32_t unused[60];
    IMB_AES128_GCM_PRE(c->manager, key, &v->gcm);
    IMB_AES_KEYEXP_128(c->manager, key, v->round_keys, unused);
    uint8_t pad[64];
    for (int i = 0; i < 64; i++) pad[i] = (i < 20 ? auth[i] : 0) ^ 0x36;
    IMB_SHA1_ONE_BLOCK(c->manager, pad, v->inner_hash);
    for (int i = 0; i < 64; i++) pad[i] ^= 0x36 ^ 0x5c;
    IMB_SHA1_ONE_BLOCK(c->manager, pad, v->outer_hash);
}
#endif

struct cipher *cipher_create(enum backend backend, enum profile profile, unsigned count) {
    struct cipher *c = calloc(1, sizeof *c);
    void *viewers = NULL;
    if (!c || posix_memalign(&viewers, 64, count * sizeof *c->viewers)) die("allocation");
    memset(viewers, 0, count * sizeof *c->viewers);
    c->backend = backend, c->profile = profile, c->viewers = viewers;
#ifdef WITH_IPSEC_MB
    if (backend == BACKEND_IPSEC_MB) {
        c->manager = alloc_mb_mgr(0);
        if (!c->manager) die("alloc_mb_mgr");
        init_mb_mgr_auto(c->manager, NULL);
    }
#else
    if (backend == BACKEND_IPSEC_MB) return NULL;
#endif
    for (unsigned i = 0; i < count; i++) {
        uint8_t key[16], auth[20];
        fill(key, 16, 3 * i), fill(auth, 20, 3 * i + 1), fill(c->viewers[i].salt, 14, 3 * i + 2);
        if (backend == BACKEND_EVP) prepare_evp(c, &c->viewers[i], key, auth);
#ifdef WITH_IPSEC_MB
        else prepare_ipsec_mb(c, &c->viewers[i], key, auth);
#endif
    }
    return c;
}

size_t cipher_tag_length(enum profile profile) { return profile == AEAD_AES_128_GCM ? 16 : 10; }

// The IV of both profiles: SSRC and index over the salt, two zero octets before it in GCM's 12, at 4 in CM's 16.
static void make_iv(const struct viewer *v, enum profile profile, uint8_t iv[16], uint32_t ssrc, uint64_t index) {
    unsigned at = profile == AEAD_AES_128_GCM ? 2 : 4;
    memcpy(iv, v->salt, 14);
    iv[14] = iv[15] = 0;
    for (int i = 0; i < 4; i++) iv[at + i] ^= ssrc >> (24 - 8 * i);
    for (int i = 0; i < 6; i++) iv[at + 4 + i] ^= index >> (40 - 8 * i);
}

static void put_rollover(uint8_t *at, uint64_t index) {
    for (int i = 0; i < 4; i++) at[i] = index >> (40 - 8 * i);
}

static void protect_evp(const struct cipher *c, struct viewer *v, uint8_t *slot, size_t header, const uint8_t *plain,
                        int length, const uint8_t iv[16], uint64_t index) {
    int written, ok = EVP_EncryptInit_ex(v->context, NULL, NULL, NULL, iv);
    uint8_t *tag = slot + header + length;
    if (c->profile == AEAD_AES_128_GCM) {
        ok &= EVP_EncryptUpdate(v->context, NULL, &written, slot, header);
        ok &= EVP_EncryptUpdate(v->context, slot + header, &written, plain, length);
        ok &= EVP_EncryptFinal_ex(v->context, tag, &written);
        ok &= EVP_CIPHER_CTX_ctrl(v->context, EVP_CTRL_GCM_GET_TAG, 16, tag);
    } else {
        uint8_t digest[20];
        SHA_CTX hash = v->inner;
        ok &= EVP_EncryptUpdate(v->context, slot + header, &written, plain, length);
        put_rollover(tag, index);
        SHA1_Update(&hash, slot, header + length + 4);
        SHA1_Final(digest, &hash);
        hash = v->outer;
        SHA1_Update(&hash, digest, 20);
        SHA1_Final(digest, &hash);
        memcpy(tag, digest, 10);
    }
    if (!ok) die("EVP");
}

#ifdef WITH_IPSEC_MB
static void complete(const IMB_JOB *job) {
    if (!job) return;
    if (job->status != IMB_STATUS_COMPLETED) die("ipsec-mb job");
    memcpy(job->user_data, job->auth_tag_output, 10);
}

static void protect_ipsec_mb(const struct cipher *c, struct viewer *v, uint8_t *slot, size_t header,
                             const uint8_t *plain, size_t length, const uint8_t iv[16], uint64_t index) {
    uint8_t *tag = slot + header + length;
    if (c->profile == AEAD_AES_128_GCM) {
        struct gcm_context_data state;
        IMB_AES128_GCM_ENC(c->manager, &v->gcm, &state, slot + header, plain, length, iv, slot, header, tag, 16);
        return;
    }
    // What is hashed must be where it was encrypted; the tag overwrites the rollover counter behind it.
    memcpy(slot + header, plain, length);
    put_rollover(tag, index);
    unsigned flight = v->next_flight++ % 64;
    memcpy(v->flights[flight].iv, iv, 16);
    IMB_JOB *job = IMB_GET_NEXT_JOB(c->manager);
    job->cipher_mode = IMB_CIPHER_CNTR, job->cipher_direction = IMB_DIR_ENCRYPT;
    job->chain_order = IMB_ORDER_CIPHER_HASH, job->hash_alg = IMB_AUTH_HMAC_SHA_1;
    job->enc_keys = job->dec_keys = v->round_keys, job->key_len_in_bytes = 16;
    job->iv = v->flights[flight].iv, job->iv_len_in_bytes = 16;
    job->src = slot, job->dst = slot + header;
    job->cipher_start_src_offset_in_bytes = header, job->msg_len_to_cipher_in_bytes = length;
    job->hash_start_src_offset_in_bytes = 0, job->msg_len_to_hash_in_bytes = header + length + 4;
    job->auth_tag_output = v->flights[flight].tag, job->auth_tag_output_len_in_bytes = 12;
    job->user_data = tag;
    job->u.HMAC._hashed_auth_key_xor_ipad = v->inner_hash;
    job->u.HMAC._hashed_auth_key_xor_opad = v->outer_hash;
    complete(IMB_SUBMIT_JOB(c->manager));
}
#endif

void cipher_protect(struct cipher *c, unsigned viewer, uint8_t *slot, size_t header, const uint8_t *plain,
                    size_t length, uint32_t ssrc, uint64_t index) {
    struct viewer *v = &c->viewers[viewer];
    uint8_t iv[16];
    make_iv(v, c->profile, iv, ssrc, index);
#ifdef WITH_IPSEC_MB
    if (c->backend == BACKEND_IPSEC_MB) {
        protect_ipsec_mb(c, v, slot, header, plain, length, iv, index);
        return;
    }
#endif
    protect_evp(c, v, slot, header, plain, length, iv, index);
}

void cipher_finish(struct cipher *c) {
#ifdef WITH_IPSEC_MB
    if (c->backend != BACKEND_IPSEC_MB || c->profile != AES128_CM_SHA1_80) return;
    for (IMB_JOB *job; (job = IMB_FLUSH_JOB(c->manager));) complete(job);
#else
    (void)c;
#endif
}
