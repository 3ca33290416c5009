/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What every rival offers: the same few functions, looked up by name in its shared object. */
#ifndef RIVAL_H
#define RIVAL_H

#include <stddef.h>
#include <stdint.h>

#define RIVAL_API __attribute__((visibility("default")))

enum rival_suite {
    RIVAL_CM_128,
    RIVAL_CM_256,
    RIVAL_GCM_128,
    RIVAL_GCM_256,
};

/* The bytes of a master key and of its salt. */
static inline size_t rival_key_length(uint32_t suite) { return suite == RIVAL_CM_128 || suite == RIVAL_GCM_128 ? 16 : 32; }
static inline int rival_is_gcm(uint32_t suite) { return suite >= RIVAL_GCM_128; }
static inline size_t rival_salt_length(uint32_t suite) { return rival_is_gcm(suite) ? 12 : 14; }
static inline size_t rival_tag_length(uint32_t suite) { return rival_is_gcm(suite) ? 16 : 10; }

/* A packet in its frame, changed in place. There is room for a tag and more behind it. */
struct rival_packet {
    uint8_t *data;
    uint32_t length; /* set to the new length, or to 0 when the packet was refused */
    uint32_t stream;
};

/* `receive` and `send` hold one master key per stream, each followed by its salt, without gaps. Without `receive`, which
 * only those are asked that have `rival_protect`, packets can be protected and no more. */
RIVAL_API void *rival_create(uint32_t suite, uint32_t streams, const uint8_t *receive, const uint8_t *send);
/* Unprotects every packet and protects it under the other key. Says how many went through. */
RIVAL_API size_t rival_rekey(void *context, struct rival_packet *packets, size_t count);
/* Protects only. Rivals that are no reference for others do without it. */
RIVAL_API size_t rival_protect(void *context, struct rival_packet *packets, size_t count);
/* Opens one packet of AES_CM_128_HMAC_SHA1_80, or _32 when the tag has 4 bytes, in a session of its own with that roll-over
 * counter; `key` is master key and salt. Gives the new length, or 0 when the packet was refused. For libsrtp alone. */
RIVAL_API uint32_t rival_open(uint32_t tag, const uint8_t *key, uint32_t ssrc, uint32_t roc, uint8_t *data, uint32_t length);
RIVAL_API void rival_destroy(void *context);
/* Name and version of what was linked, and what it chose for this processor. */
RIVAL_API const char *rival_version(void);

#endif
