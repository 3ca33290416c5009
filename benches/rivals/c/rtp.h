/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What SRTP keeps of a stream besides keys, for a rival that is only a cipher library: the fixed header, the index
 * estimate of RFC 3711 3.3.1, and a replay window of 128 packets. One SSRC per stream; a real relay has to look it up. */
#ifndef RTP_H
#define RTP_H

#include <stdint.h>
#include <string.h>

#define RTP_HEADER 12

/* The last 128 indices, bit 0 being the highest. */
struct window {
    uint64_t highest;
    uint64_t bits[2];
    uint32_t ssrc;
    uint32_t started;
};

static inline uint32_t load_32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, 4);
    return __builtin_bswap32(value);
}

static inline void store_32(uint8_t *bytes, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(bytes, &value, 4);
}

static inline uint16_t rtp_sequence(const uint8_t *packet)
{
    return (uint16_t)(packet[2] << 8 | packet[3]);
}

/* Version 2, no padding, no extension, no contributing sources. */
static inline int rtp_is_plain(const uint8_t *packet, uint32_t length, uint32_t least)
{
    return length >= least && packet[0] == 0x80;
}

static inline uint64_t window_estimate(const struct window *window, uint16_t sequence)
{
    if (!window->started)
        return sequence;
    uint64_t rollovers = window->highest >> 16;
    int32_t difference = (int32_t)sequence - (int32_t)(window->highest & 0xffff);
    if (difference > 0x8000 && rollovers > 0)
        rollovers--;
    else if (difference < -0x8000)
        rollovers++;
    return rollovers << 16 | sequence;
}

static inline int window_is_fresh(const struct window *window, uint64_t index)
{
    if (!window->started || index > window->highest)
        return 1;
    uint64_t age = window->highest - index;
    return age < 128 && !(window->bits[age >> 6] >> (age & 63) & 1);
}

static inline void window_accept(struct window *window, uint64_t index)
{
    if (!window->started) {
        window->started = 1;
        window->highest = index;
        window->bits[0] = 1;
        return;
    }
    if (index <= window->highest) {
        uint64_t age = window->highest - index;
        window->bits[age >> 6] |= 1ULL << (age & 63);
        return;
    }
    uint64_t shift = index - window->highest;
    unsigned __int128 bits = (unsigned __int128)window->bits[1] << 64 | window->bits[0];
    bits = (shift < 128 ? bits << shift : 0) | 1;
    window->bits[0] = (uint64_t)bits;
    window->bits[1] = (uint64_t)(bits >> 64);
    window->highest = index;
}

/* Without a branch that depends on where the difference is. */
static inline int same_tag(const uint8_t *one, const uint8_t *other, size_t length)
{
    uint8_t difference = 0;
    for (size_t i = 0; i < length; i++)
        difference |= one[i] ^ other[i];
    return difference == 0;
}

#endif
