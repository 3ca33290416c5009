/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* libsrtp, built with whichever library its cipher modules were compiled against. A session for every stream and
 * direction: a session looks its streams up along a list, which at 1,000 of them costs more than the cryptography. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <srtp.h>

#include "rival.h"

struct context {
    uint32_t streams;
    srtp_t *receive;
    srtp_t *send;
};

static void set_policy(srtp_policy_t *policy, uint32_t suite)
{
    switch (suite) {
    case RIVAL_CM_128:
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
        break;
    case RIVAL_CM_256:
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy->rtcp);
        break;
    case RIVAL_GCM_128:
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
        break;
    default:
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtcp);
    }
}

/* One session per key, or NULL when one cannot be had. */
static srtp_t *sessions(uint32_t suite, uint32_t streams, const uint8_t *keys, srtp_ssrc_type_t direction)
{
    srtp_t *made = keys ? calloc(streams, sizeof *made) : NULL;
    size_t master = rival_key_length(suite) + rival_salt_length(suite);
    uint8_t key[64];
    for (uint32_t i = 0; made && i < streams; i++) {
        srtp_policy_t policy;
        memset(&policy, 0, sizeof policy);
        set_policy(&policy, suite);
        memcpy(key, keys + i * master, master);
        policy.key = key;
        policy.ssrc.type = direction;
        policy.window_size = 128;
        if (srtp_create(&made[i], &policy) != srtp_err_status_ok) {
            while (i-- > 0)
                srtp_dealloc(made[i]);
            free(made);
            made = NULL;
        }
    }
    return made;
}

static int started(void)
{
    static int done;
    done = done || srtp_init() == srtp_err_status_ok;
    return done;
}

void *rival_create(uint32_t suite, uint32_t streams, const uint8_t *receive, const uint8_t *send)
{
    if (!started())
        return NULL;
    struct context *context = calloc(1, sizeof *context);
    if (!context)
        return NULL;
    context->streams = streams;
    context->receive = sessions(suite, streams, receive, ssrc_any_inbound);
    context->send = sessions(suite, streams, send, ssrc_any_outbound);
    if ((receive && !context->receive) || (send && !context->send)) {
        rival_destroy(context);
        return NULL;
    }
    return context;
}

size_t rival_rekey(void *opaque, struct rival_packet *packets, size_t count)
{
    struct context *context = opaque;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct rival_packet *packet = packets + i;
        int length = (int)packet->length;
        packet->length = 0;
        if (srtp_unprotect(context->receive[packet->stream], packet->data, &length) != srtp_err_status_ok)
            continue;
        if (srtp_protect(context->send[packet->stream], packet->data, &length) != srtp_err_status_ok)
            continue;
        packet->length = (uint32_t)length;
        kept++;
    }
    return kept;
}

size_t rival_protect(void *opaque, struct rival_packet *packets, size_t count)
{
    struct context *context = opaque;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        int length = (int)packets[i].length;
        int passed = srtp_protect(context->send[packets[i].stream], packets[i].data, &length) == srtp_err_status_ok;
        packets[i].length = passed ? (uint32_t)length : 0;
        kept += (size_t)passed;
    }
    return kept;
}

uint32_t rival_open(uint32_t tag, const uint8_t *key, uint32_t ssrc, uint32_t roc, uint8_t *data, uint32_t length)
{
    srtp_policy_t policy;
    memset(&policy, 0, sizeof policy);
    if (tag == 4)
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp);
    else
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
    uint8_t master[30];
    memcpy(master, key, sizeof master);
    policy.key = master;
    policy.ssrc.type = ssrc_specific;
    policy.ssrc.value = ssrc;
    policy.window_size = 128;
    srtp_t session;
    if (!started() || srtp_create(&session, &policy) != srtp_err_status_ok)
        return 0;
    int opened = (int)length;
    int passed = srtp_set_stream_roc(session, ssrc, roc) == srtp_err_status_ok
                 && srtp_unprotect(session, data, &opened) == srtp_err_status_ok;
    srtp_dealloc(session);
    return passed ? (uint32_t)opened : 0;
}

void rival_destroy(void *opaque)
{
    struct context *context = opaque;
    for (uint32_t i = 0; i < context->streams; i++) {
        if (context->receive)
            srtp_dealloc(context->receive[i]);
        if (context->send)
            srtp_dealloc(context->send[i]);
    }
    free(context->receive);
    free(context->send);
    free(context);
}

const char *rival_version(void)
{
    static char text[160];
    snprintf(text, sizeof text, "%s, %s", srtp_get_version_string(), OpenSSL_version(OPENSSL_VERSION));
    return text;
}
