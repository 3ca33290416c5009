#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Lists the relay's RTP endpoints of every session that is there, one ADDRESS:PORT in each line, for flood.sh.
#
# Usage: endpoints.sh [LEG]     LEG is 0 (the default) or 1
#
# The way to the relay is in CULVERT_SERVER, CULVERT_CA, CULVERT_CERT and CULVERT_KEY, as for `culvert` itself.
set -eu

leg=${1:-0}
case $leg in
    0 | 1) ;;
    *)
        echo "usage: endpoints.sh [0|1]" >&2
        exit 2
        ;;
esac
culvert --json session list | jq --raw-output --argjson leg "$leg" '
    .sessions[].media[].legs[$leg].local.rtp
    | select(. != null)
    | (if .address | contains(":") then "[\(.address)]" else .address end) + ":\(.port)"'
