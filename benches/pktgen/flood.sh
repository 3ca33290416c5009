#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Floods UDP ports with packets of a valid length by the kernel's pktgen: one thread of one processor, round after round
# over the endpoints on standard input. What it sends is no SRTP: the relay drops it, and counts why.
#
#   culvert load ... --print-ports | ./flood.sh eth0 02:00:00:00:00:01 192.0.2.9
#
# Usage: flood.sh INTERFACE RELAY-MAC SOURCE-ADDRESS < ENDPOINTS
# Settings, by environment:
#   CPU      processor whose pktgen thread sends           (0)
#   LENGTH   bytes of each frame without the checksum      (224: 160 bytes of G.711 in SRTP over IPv4)
#   COUNT    packets for each endpoint                     (1000000)
#   RATE     packets a second for each endpoint, 0: all it can (0)
#   CLONES   times that one frame is sent before another   (0; not for VLANs and other software interfaces)
#   BURST    frames for each call of the driver            (32; 1 for software interfaces)
set -eu

PKTGEN=/proc/net/pktgen
CPU=${CPU:-0}
LENGTH=${LENGTH:-224}
COUNT=${COUNT:-1000000}
RATE=${RATE:-0}
CLONES=${CLONES:-0}
BURST=${BURST:-32}

fail() {
    echo "flood.sh: $1" >&2
    exit "${2:-1}"
}

[ $# -eq 3 ] || fail "usage: flood.sh INTERFACE RELAY-MAC SOURCE-ADDRESS < ENDPOINTS" 2
interface=$1
relay_mac=$2
source_address=$3

[ "$(id -u)" -eq 0 ] || fail "pktgen takes root: run it with sudo"
[ -e "/sys/class/net/$interface" ] || fail "there is no interface $interface: see \`ip link\`" 2
if [ ! -d "$PKTGEN" ]; then
    modprobe pktgen 2>/dev/null || fail "this kernel has no pktgen (CONFIG_NET_PKTGEN): use \`culvert load\` itself"
fi
thread=$PKTGEN/kpktgend_$CPU
[ -e "$thread" ] || fail "there is no pktgen thread of processor $CPU: see $PKTGEN for those that there are" 2

# Writes one command, and says which when the kernel refuses it.
tell() {
    echo "$2" >"$1" 2>/dev/null || fail "pktgen refuses '$2' ($1)"
}

clear_up() {
    echo "rem_device_all" >"$thread" 2>/dev/null || true
}
trap clear_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

tell "$thread" "rem_device_all"
number=0
while IFS= read -r endpoint; do
    [ -n "$endpoint" ] || continue
    address=${endpoint%:*}
    port=${endpoint##*:}
    case $address in
        \[*\])
            family=6
            address=${address#\[}
            address=${address%\]}
            ;;
        *) family= ;;
    esac
    case $port in
        '' | *[!0-9]*) fail "'$endpoint' is no ADDRESS:PORT" 2 ;;
    esac
    device=$PKTGEN/$interface@$number
    tell "$thread" "add_device $interface@$number"
    tell "$device" "count $COUNT"
    tell "$device" "pkt_size $LENGTH"
    tell "$device" "clone_skb $CLONES"
    [ "$BURST" -le 1 ] || tell "$device" "burst $BURST"
    if [ "$RATE" -gt 0 ]; then
        tell "$device" "ratep $RATE"
    else
        tell "$device" "delay 0"
    fi
    tell "$device" "dst_mac $relay_mac"
    tell "$device" "dst$family $address"
    if [ -z "$family" ]; then
        tell "$device" "src_min $source_address"
        tell "$device" "src_max $source_address"
    else
        tell "$device" "src6 $source_address"
    fi
    tell "$device" "udp_src_min 40000"
    tell "$device" "udp_src_max 40000"
    tell "$device" "udp_dst_min $port"
    tell "$device" "udp_dst_max $port"
    number=$((number + 1))
done
[ "$number" -gt 0 ] || fail "no endpoints on standard input: pipe \`culvert load --print-ports\` or endpoints.sh in" 2

echo "flood.sh: $number endpoints, $COUNT packets each, over $interface" >&2
# Returns when all are sent.
tell "$PKTGEN/pgctrl" "start"
for device in "$PKTGEN/$interface"@*; do
    printf '%s: ' "${device##*/}"
    sed -n 's/^ *\([0-9]*pps.*\)$/\1/p' "$device"
done
