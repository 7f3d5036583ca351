#ifndef SIGMA_COPENSSL_PROVIDER_H
#define SIGMA_COPENSSL_PROVIDER_H

#include <openssl/core_dispatch.h>
#include <openssl/provider.h>
#include <string.h>

// OpenSSL's default provider with fewer decoders. For the public key of each certificate it reads, OpenSSL 3.0 sets
// up every decoder that the library context has, some forty, which takes 100 µs: a third of a handshake. A peer of
// ours shows an EC or an RSA key in a SubjectPublicKeyInfo (RFC 5280 §4.1), so two are left.

typedef struct {
    OSSL_PROVIDER *whole;
    /// Ended by one without a name.
    OSSL_ALGORITHM decoders[3];
} COpenSSL_FewDecoders;

static inline COpenSSL_FewDecoders *COpenSSL_fewDecoders(void) {
    static COpenSSL_FewDecoders few;
    return &few;
}

static inline int COpenSSL_isNeeded(const OSSL_ALGORITHM *decoder) {
    const char *names = decoder->algorithm_names;
    return (strcmp(names, "EC") == 0 || strcmp(names, "RSA") == 0)
        && strstr(decoder->property_definition, "input=der,structure=SubjectPublicKeyInfo") != NULL;
}

static inline const OSSL_ALGORITHM *COpenSSL_query(void *context, int operation, int *isNotKept) {
    (void)context;
    if (operation == OSSL_OP_DECODER) {
        *isNotKept = 0;
        return COpenSSL_fewDecoders()->decoders;
    }
    return OSSL_PROVIDER_query_operation(COpenSSL_fewDecoders()->whole, operation, isNotKept);
}

static inline int COpenSSL_capabilities(void *context, const char *name, OSSL_CALLBACK *each, void *argument) {
    (void)context;
    return OSSL_PROVIDER_get_capabilities(COpenSSL_fewDecoders()->whole, name, each, argument);
}

static inline int COpenSSL_startProvider(
    const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *offered, const OSSL_DISPATCH **functions, void **context
) {
    static const OSSL_DISPATCH ours[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))COpenSSL_query},
        {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))COpenSSL_capabilities},
        {0, NULL},
    };
    (void)handle;
    (void)offered;
    *context = OSSL_PROVIDER_get0_provider_ctx(COpenSSL_fewDecoders()->whole);
    *functions = ours;
    return 1;
}

/// A library context for handshakes; to be called once, and never freed. Where the decoders have other names, or
/// anything fails, `NULL`, which is the default context.
static inline OSSL_LIB_CTX *COpenSSL_makeHandshakeContext(void) {
    COpenSSL_FewDecoders *few = COpenSSL_fewDecoders();
    few->whole = OSSL_PROVIDER_load(NULL, "default");
    if (few->whole == NULL) return NULL;
    int isNotKept = 0, count = 0;
    const OSSL_ALGORITHM *all = OSSL_PROVIDER_query_operation(few->whole, OSSL_OP_DECODER, &isNotKept);
    for (; all != NULL && all->algorithm_names != NULL && count < 2; all++) {
        if (COpenSSL_isNeeded(all)) few->decoders[count++] = *all;
    }
    if (count < 2) return NULL;
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
    if (context == NULL) return NULL;
    if (OSSL_PROVIDER_add_builtin(context, "sigma", COpenSSL_startProvider) != 1
        || OSSL_PROVIDER_load(context, "sigma") == NULL) {
        OSSL_LIB_CTX_free(context);
        return NULL;
    }
    return context;
}

#endif
