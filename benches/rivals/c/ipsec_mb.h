/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef IPSEC_MB_RIVAL_H
#define IPSEC_MB_RIVAL_H

#include <intel-ipsec-mb.h>

#include "rival.h"
#include "rtp.h"

/* One direction of a stream under AES-CM and HMAC-SHA1, as little memory as the library allows. */
struct cm_side {
    uint8_t schedule[15 * 16] __attribute__((aligned(64)));
    uint8_t inner[20];
    uint8_t outer[20];
    uint8_t salt[16];
    struct window window;
};

struct gcm_side {
    struct gcm_key_data key;
    uint8_t salt[16];
    struct window window;
};

struct context {
    IMB_MGR *manager;
    uint32_t suite;
    uint32_t streams;
    union {
        struct cm_side *cm;
        struct gcm_side *gcm;
    } receive, send;
};

void derive(IMB_MGR *manager, uint32_t suite, const uint8_t *master, uint8_t label, uint8_t *out, size_t length);
void cm_prepare(struct context *context, struct cm_side *side, const uint8_t *master);
size_t cm_rekey(struct context *context, struct rival_packet *packets, size_t count);
void gcm_prepare(struct context *context, struct gcm_side *side, const uint8_t *master);
size_t gcm_rekey(struct context *context, struct rival_packet *packets, size_t count);

/* Every line of a side, as the contexts of 1,000 streams do not fit into the first cache. */
static inline void prefetch(const void *side, size_t length)
{
    for (size_t i = 0; i < length; i += 64)
        __builtin_prefetch((const char *)side + i);
}

#endif
