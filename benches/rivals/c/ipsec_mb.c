/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SRTP over intel-ipsec-mb: contexts and key derivation. */
#include <stdio.h>
#include <stdlib.h>

#include "ipsec_mb.h"

/* By itself the library takes AVX-512 where it can, whose SHA-1 costs the same for one packet as for sixteen. Its SSE code,
 * with the SHA instructions where the processor has them, wins while a burst is small. */
static IMB_ARCH initialise(IMB_MGR *manager)
{
#ifdef IPSEC_MB_SSE
    init_mb_mgr_sse(manager);
    return IMB_ARCH_SSE;
#else
    IMB_ARCH arch = IMB_ARCH_NONE;
    init_mb_mgr_auto(manager, &arch);
    return arch;
#endif
}

/* RFC 3711 4.3: the key stream of AES in counter mode under the master key. A salt of 96 bits (RFC 7714) stands at the
 * front of the 112. */
void derive(IMB_MGR *manager, uint32_t suite, const uint8_t *master, uint8_t label, uint8_t *out, size_t length)
{
    DECLARE_ALIGNED(uint8_t encrypt[15 * 16], 16);
    DECLARE_ALIGNED(uint8_t decrypt[15 * 16], 16);
    size_t key_length = rival_key_length(suite);
    uint8_t iv[16] = {0};
    memcpy(iv, master + key_length, rival_salt_length(suite));
    iv[7] ^= label;
    if (key_length == 16)
        IMB_AES_KEYEXP_128(manager, master, encrypt, decrypt);
    else
        IMB_AES_KEYEXP_256(manager, master, encrypt, decrypt);
    memset(out, 0, length);
    IMB_JOB job = {
        .enc_keys = encrypt,
        .dec_keys = decrypt,
        .key_len_in_bytes = key_length,
        .src = out,
        .dst = out,
        .msg_len_to_cipher_in_bytes = length,
        .iv = iv,
        .iv_len_in_bytes = 16,
    };
    IMB_SUBMIT_CIPHER_BURST(manager, &job, 1, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT, key_length);
}

void *rival_create(uint32_t suite, uint32_t streams, const uint8_t *receive, const uint8_t *send)
{
    struct context *context = calloc(1, sizeof *context);
    size_t side = rival_is_gcm(suite) ? sizeof(struct gcm_side) : sizeof(struct cm_side);
    void *receivers = aligned_alloc(64, side * streams);
    void *senders = aligned_alloc(64, side * streams);
    IMB_MGR *manager = alloc_mb_mgr(0);
    if (!context || !receivers || !senders || !manager) {
        free(context);
        free(receivers);
        free(senders);
        if (manager)
            free_mb_mgr(manager);
        return NULL;
    }
    memset(receivers, 0, side * streams);
    memset(senders, 0, side * streams);
    initialise(manager);
    context->manager = manager;
    context->suite = suite;
    context->streams = streams;
    size_t master = rival_key_length(suite) + rival_salt_length(suite);
    for (uint32_t i = 0; i < streams; i++) {
        if (rival_is_gcm(suite)) {
            gcm_prepare(context, (struct gcm_side *)receivers + i, receive + i * master);
            gcm_prepare(context, (struct gcm_side *)senders + i, send + i * master);
        } else {
            cm_prepare(context, (struct cm_side *)receivers + i, receive + i * master);
            cm_prepare(context, (struct cm_side *)senders + i, send + i * master);
        }
    }
    context->receive.cm = receivers;
    context->send.cm = senders;
    return context;
}

size_t rival_rekey(void *opaque, struct rival_packet *packets, size_t count)
{
    struct context *context = opaque;
    return rival_is_gcm(context->suite) ? gcm_rekey(context, packets, count) : cm_rekey(context, packets, count);
}

void rival_destroy(void *opaque)
{
    struct context *context = opaque;
    free(context->receive.cm);
    free(context->send.cm);
    free_mb_mgr(context->manager);
    free(context);
}

const char *rival_version(void)
{
    static const char *const names[IMB_ARCH_NUM] = {"none", "noaesni", "SSE", "AVX", "AVX2", "AVX-512"};
    static char text[80];
    IMB_MGR *manager = alloc_mb_mgr(0);
    IMB_ARCH arch = IMB_ARCH_NONE;
    if (manager) {
        arch = initialise(manager);
        free_mb_mgr(manager);
    }
    snprintf(text, sizeof text, "intel-ipsec-mb %s (%s)", imb_get_version_str(), names[arch]);
    return text;
}
