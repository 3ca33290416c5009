// SPDX-License-Identifier: MIT OR Apache-2.0
//! What all flows did, and how good their streams are.

use prometheus_client::encoding::DescriptorEncoder;

use super::encode::{Encoded, counter, gauge, one};
use crate::flow_sums::{Distribution, FlowSums};

pub(super) fn encode(sums: &FlowSums, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    counter(encoder, "relayed_packets", "Packets relayed", one(sums.packets))?;
    counter(encoder, "relayed_bytes", "UDP payload relayed, in bytes", one(sums.bytes))?;
    counter(
        encoder,
        "relayed_rtcp_packets",
        "Of the relayed packets, those of RTCP",
        one(sums.rtcp_packets),
    )?;
    let plain = "Of the relayed packets, those that left unencrypted";
    counter(encoder, "relayed_plain_packets", plain, one(sums.plain_packets))?;
    counter(
        encoder,
        "dropped_packets",
        "Packets of flows that were dropped, by reason",
        sums.drops().map(|(reason, count)| (vec![("reason", reason.name().to_owned())], count)),
    )?;
    gauge(
        encoder,
        "flows",
        "Directions of media now, by kind of media",
        sums.flows().map(|(kind, count)| (vec![("kind", kind.to_owned())], count)),
    )?;
    let loss = "Streams now that have lost at most this share of their packets since they began";
    streams(encoder, "streams_by_loss_ratio", loss, &sums.loss_ratio)?;
    let jitter = "Streams now whose interarrival jitter is at most so many seconds";
    streams(encoder, "streams_by_jitter_seconds", jitter, &sums.jitter)?;
    let mos = "Audio streams now whose estimated mean opinion score (ITU-T G.107) is at most this";
    streams(encoder, "streams_by_mos", mos, &sums.mos)
}

/// Gauges with the label of a histogram's buckets: `histogram_quantile` reads them, but they fall when calls end, which a
/// histogram's must not.
fn streams(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    distribution: &Distribution,
) -> Encoded {
    let samples = distribution.cumulative().map(|(bound, count)| {
        let bound = if bound.is_infinite() { "+Inf".to_owned() } else { bound.to_string() };
        (vec![("le", bound)], count)
    });
    gauge(encoder, name, help, samples)
}
