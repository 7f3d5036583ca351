#ifndef SIGMA_CIPSECMB_SHIM_H
#define SIGMA_CIPSECMB_SHIM_H

#include <intel-ipsec-mb.h>
#include <stdint.h>
#include <stdlib.h>

// The library's functions are pointers in a manager, behind macros that Swift does not import.

/// A manager for this CPU; NULL where it has no AES instructions.
static inline IMB_MGR *CIPSecMB_makeManager(void) {
    IMB_MGR *manager = alloc_mb_mgr(0);
    if (!manager) return NULL;
    IMB_ARCH kind = IMB_ARCH_NONE;
    init_mb_mgr_auto(manager, &kind);
    if (kind == IMB_ARCH_NONE || kind == IMB_ARCH_NOAESNI || imb_get_errno(manager) != 0) {
        free_mb_mgr(manager);
        return NULL;
    }
    return manager;
}

/// An expanded AES-128 key; NULL without memory.
static inline struct gcm_key_data *CIPSecMB_makeKey(IMB_MGR *manager, const uint8_t key[16]) {
    void *expanded = NULL;
    if (posix_memalign(&expanded, 64, sizeof(struct gcm_key_data)) != 0) return NULL;
    IMB_AES128_GCM_PRE(manager, key, (struct gcm_key_data *)expanded);
    return (struct gcm_key_data *)expanded;
}

static inline void CIPSecMB_freeKey(struct gcm_key_data *key) {
    imb_clear_mem(key, sizeof *key);
    free(key);
}

static inline void CIPSecMB_seal(
    IMB_MGR *manager, const struct gcm_key_data *key, const uint8_t vector[12], const void *associated,
    size_t associatedCount, const void *input, void *output, size_t count, void *tag
) {
    struct gcm_context_data context;
    IMB_AES128_GCM_ENC(
        manager, key, &context, (uint8_t *)output, (const uint8_t *)input, count, vector,
        (const uint8_t *)associated, associatedCount, (uint8_t *)tag, 16);
}

/// Decrypts, and writes the tag that the packet should have.
static inline void CIPSecMB_open(
    IMB_MGR *manager, const struct gcm_key_data *key, const uint8_t vector[12], const void *associated,
    size_t associatedCount, void *octets, size_t count, uint8_t tag[16]
) {
    struct gcm_context_data context;
    IMB_AES128_GCM_DEC(
        manager, key, &context, (uint8_t *)octets, (const uint8_t *)octets, count, vector,
        (const uint8_t *)associated, associatedCount, tag, 16);
}

#endif
