#ifndef SIGMA_COPENSSL_GCM_H
#define SIGMA_COPENSSL_GCM_H

// AES-GCM with a key that stays: IV and tag as parameters of the context. EVP_CipherInit_ex and EVP_CIPHER_CTX_ctrl do
// the same and cost 700 instructions more for each packet, most of them comparing the names of parameters.

/// Sets the 12 octets of the IV of the next message; the key stays.
static inline int COpenSSL_GCM_begin(EVP_CIPHER_CTX *context, const unsigned char iv[12]) {
    // A length of -1 says: the whole of it (EVP_CTRL_AEAD_SET_IV_FIXED in EVP_EncryptInit(3)).
    OSSL_PARAM parameters[] = {
        { OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, OSSL_PARAM_OCTET_STRING, (void *)iv, (size_t)-1, 0 },
        OSSL_PARAM_END,
    };
    return EVP_CIPHER_CTX_set_params(context, parameters);
}

/// Reads the tag of the message that has ended.
static inline int COpenSSL_GCM_tag(EVP_CIPHER_CTX *context, void *tag, size_t length) {
    OSSL_PARAM parameters[] = {
        { OSSL_CIPHER_PARAM_AEAD_TAG, OSSL_PARAM_OCTET_STRING, tag, length, 0 },
        OSSL_PARAM_END,
    };
    return EVP_CIPHER_CTX_get_params(context, parameters);
}

#endif
