/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* AES-CM and HMAC-SHA1 over intel-ipsec-mb: every packet's hash in one burst, then every packet's cipher, and on the way
 * out the other way round. Measured on Zen 5, chained jobs (submit_burst) take 0 to 15 % more. */
#include "ipsec_mb.h"

#define TAG 10
#define MOST 128

static inline void make_iv(uint8_t iv[16], const uint8_t *salt, uint32_t ssrc, uint64_t index)
{
    uint64_t high, low;
    memcpy(&high, salt, 8);
    memcpy(&low, salt + 8, 8);
    high ^= __builtin_bswap64((uint64_t)ssrc);
    low ^= __builtin_bswap64(index << 16);
    memcpy(iv, &high, 8);
    memcpy(iv + 8, &low, 8);
}

void cm_prepare(struct context *context, struct cm_side *side, const uint8_t *master)
{
    IMB_MGR *manager = context->manager;
    DECLARE_ALIGNED(uint8_t unused[15 * 16], 16);
    uint8_t key[32], authentication[20], pad[64];
    size_t key_length = rival_key_length(context->suite);
    derive(manager, context->suite, master, 0, key, key_length);
    derive(manager, context->suite, master, 1, authentication, sizeof authentication);
    derive(manager, context->suite, master, 2, side->salt, 14);
    if (key_length == 16)
        IMB_AES_KEYEXP_128(manager, key, side->schedule, unused);
    else
        IMB_AES_KEYEXP_256(manager, key, side->schedule, unused);
    memset(pad, 0x36, sizeof pad);
    for (size_t i = 0; i < sizeof authentication; i++)
        pad[i] ^= authentication[i];
    IMB_SHA1_ONE_BLOCK(manager, pad, side->inner);
    memset(pad, 0x5c, sizeof pad);
    for (size_t i = 0; i < sizeof authentication; i++)
        pad[i] ^= authentication[i];
    IMB_SHA1_ONE_BLOCK(manager, pad, side->outer);
}

/* What is known of a packet of the burst after its header was read. */
struct work {
    struct rival_packet *packet;
    uint64_t index;
    uint32_t ssrc;
    uint32_t payload;
    uint8_t tag[16];
    uint8_t computed[20];
    uint8_t iv[16];
};

static inline void hash_job(IMB_JOB *job, const struct cm_side *side, struct work *work, uint8_t *tag)
{
    job->hash_alg = IMB_AUTH_HMAC_SHA_1;
    job->src = work->packet->data;
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = RTP_HEADER + work->payload + 4;
    job->u.HMAC._hashed_auth_key_xor_ipad = side->inner;
    job->u.HMAC._hashed_auth_key_xor_opad = side->outer;
    job->auth_tag_output = tag;
    job->auth_tag_output_len_in_bytes = 12;
}

static inline void cipher_job(IMB_JOB *job, const struct cm_side *side, struct work *work, size_t key_length)
{
    make_iv(work->iv, side->salt, work->ssrc, work->index);
    job->cipher_mode = IMB_CIPHER_CNTR;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->enc_keys = side->schedule;
    job->dec_keys = side->schedule;
    job->key_len_in_bytes = key_length;
    job->src = work->packet->data;
    job->dst = work->packet->data + RTP_HEADER;
    job->cipher_start_src_offset_in_bytes = RTP_HEADER;
    job->msg_len_to_cipher_in_bytes = work->payload;
    job->iv = work->iv;
    job->iv_len_in_bytes = 16;
}

/* Keeps those that may go on: reads headers, puts the roll-over counter where the hash wants it. */
static size_t open_headers(struct context *context, struct rival_packet *packets, size_t count, struct work *works)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct rival_packet *packet = packets + i;
        struct window *window = &context->receive.cm[packet->stream].window;
        if (!rtp_is_plain(packet->data, packet->length, RTP_HEADER + TAG)) {
            packet->length = 0;
            continue;
        }
        struct work *work = works + kept;
        work->index = window_estimate(window, rtp_sequence(packet->data));
        work->ssrc = load_32(packet->data + 8);
        if (!window_is_fresh(window, work->index) || (window->started && window->ssrc != work->ssrc)) {
            packet->length = 0;
            continue;
        }
        work->packet = packet;
        work->payload = packet->length - RTP_HEADER - TAG;
        uint8_t *end = packet->data + RTP_HEADER + work->payload;
        memcpy(work->tag, end, TAG);
        store_32(end, (uint32_t)(work->index >> 16));
        kept++;
    }
    return kept;
}

/* Keeps those whose tag is right, and that no packet of this burst has repeated. */
static size_t check_tags(struct context *context, struct work *works, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct work *work = works + i;
        struct window *window = &context->receive.cm[work->packet->stream].window;
        if (!same_tag(work->tag, work->computed, TAG) || !window_is_fresh(window, work->index)) {
            work->packet->length = 0;
            continue;
        }
        window->ssrc = work->ssrc;
        window_accept(window, work->index);
        if (kept != i)
            works[kept] = *work;
        kept++;
    }
    return kept;
}

/* Keeps those whose index has not been used under the other key. */
static size_t close_headers(struct context *context, struct work *works, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct work *work = works + i;
        struct window *window = &context->send.cm[work->packet->stream].window;
        work->index = window_estimate(window, rtp_sequence(work->packet->data));
        if (!window_is_fresh(window, work->index)) {
            work->packet->length = 0;
            continue;
        }
        window_accept(window, work->index);
        if (kept != i)
            works[kept] = *work;
        kept++;
    }
    return kept;
}

static size_t rekey_burst(struct context *context, struct rival_packet *packets, size_t count)
{
    IMB_MGR *manager = context->manager;
    size_t key_length = rival_key_length(context->suite);
    struct work works[MOST];
    IMB_JOB jobs[MOST];
    if (context->streams > 1)
        for (size_t i = 0; i < count; i++)
            prefetch(context->receive.cm + packets[i].stream, sizeof(struct cm_side));

    size_t kept = open_headers(context, packets, count, works);
    for (size_t i = 0; i < kept; i++)
        hash_job(jobs + i, context->receive.cm + works[i].packet->stream, works + i, works[i].computed);
    IMB_SUBMIT_HASH_BURST_NOCHECK(manager, jobs, kept, IMB_AUTH_HMAC_SHA_1);
    if (context->streams > 1)
        for (size_t i = 0; i < count; i++)
            prefetch(context->send.cm + packets[i].stream, sizeof(struct cm_side));
    kept = check_tags(context, works, kept);
    for (size_t i = 0; i < kept; i++)
        cipher_job(jobs + i, context->receive.cm + works[i].packet->stream, works + i, key_length);
    IMB_SUBMIT_CIPHER_BURST_NOCHECK(manager, jobs, kept, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT, key_length);

    kept = close_headers(context, works, kept);
    for (size_t i = 0; i < kept; i++)
        cipher_job(jobs + i, context->send.cm + works[i].packet->stream, works + i, key_length);
    IMB_SUBMIT_CIPHER_BURST_NOCHECK(manager, jobs, kept, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT, key_length);
    for (size_t i = 0; i < kept; i++) {
        uint8_t *end = works[i].packet->data + RTP_HEADER + works[i].payload;
        store_32(end, (uint32_t)(works[i].index >> 16));
        /* The tag takes the counter's place, and two bytes behind that nobody reads. */
        hash_job(jobs + i, context->send.cm + works[i].packet->stream, works + i, end);
    }
    IMB_SUBMIT_HASH_BURST_NOCHECK(manager, jobs, kept, IMB_AUTH_HMAC_SHA_1);
    return kept;
}

/* How many packets may go in one burst: the first of a stream goes alone, as the others' index follows from its own. */
static inline size_t together(const struct cm_side *sides, const struct rival_packet *packets, size_t most)
{
    size_t count = 0;
    while (count < most && sides[packets[count].stream].window.started)
        count++;
    return count ? count : 1;
}

size_t cm_rekey(struct context *context, struct rival_packet *packets, size_t count)
{
    size_t kept = 0;
    for (size_t first = 0, size; first < count; first += size) {
        size_t left = count - first < MOST ? count - first : MOST;
        size = together(context->receive.cm, packets + first, left);
        kept += rekey_burst(context, packets + first, size);
    }
    return kept;
}
