#ifndef SIGMA_COPENSSL_SHIM_H
#define SIGMA_COPENSSL_SHIM_H

// The SHA1_* functions, which keep a hash's state in plain memory, are deprecated without a replacement that does.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "gcm.h"
#include "hmac.h"
#include "provider.h"

// Swift does not import macros that expand to expressions: one inline function each.

static inline void COpenSSL_SSL_setMTU(SSL *ssl, long linkMTU) {
    SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
    DTLS_set_link_mtu(ssl, linkMTU);
}
static inline long COpenSSL_DTLSv1_get_timeout(SSL *ssl, struct timeval *left) {
    return DTLSv1_get_timeout(ssl, left);
}
static inline long COpenSSL_DTLSv1_handle_timeout(SSL *ssl) {
    return DTLSv1_handle_timeout(ssl);
}
static inline int COpenSSL_SSL_CTX_setDTLS12Only(SSL_CTX *ctx) {
    return SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION)
        && SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION);
}
static inline int COpenSSL_SSL_CTX_set1_groups_list(SSL_CTX *ctx, const char *list) {
    return (int)SSL_CTX_set1_groups_list(ctx, list);
}
static inline void COpenSSL_SSL_CTX_setOptions(SSL_CTX *ctx) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}
static inline void COpenSSL_BIO_setFlagsRetryRead(BIO *bio) { BIO_set_retry_read(bio); }
static inline void COpenSSL_BIO_clearRetryFlags(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline EVP_PKEY *COpenSSL_EVP_EC_gen(const char *curve) { return EVP_EC_gen(curve); }

static inline void COpenSSL_SSL_offerOnly(SSL *ssl, const char *groups, const char *signatures) {
    SSL_set1_groups_list(ssl, groups);
    SSL_set1_sigalgs_list(ssl, signatures);
    SSL_set_options(ssl, SSL_OP_NO_ENCRYPT_THEN_MAC);
}

#endif
