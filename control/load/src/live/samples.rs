// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opens what the sink in the kernel has kept.

use culvert_srtp::{Kind, Packet, protect_burst, unprotect_burst};
use culvert_traffic::Sample;
use culvert_wire::Headers;

use crate::LoadError;
use crate::flow::Flows;
use crate::media::{Form, identify};
use crate::plan::Plan;
use crate::sink::Samples;

/// Below half of the sequence space, beyond which a receiver would misjudge the roll-over counter (RFC 3711 section 3.3.1).
const STEP: u64 = 1 << 14;

/// Opens every sample under its flow's key, and compares it with what was sent.
pub(super) fn check(
    samples: &[Sample],
    form: Form,
    plan: &Plan,
    flows: &mut Flows,
) -> Result<Samples, LoadError> {
    let mut result = Samples::default();
    let mut ordered: Vec<_> = samples.iter().filter_map(|sample| read(sample, plan, flows)).collect();
    ordered.sort_unstable_by_key(|(_, index, _)| *index);
    result.different += (samples.len() - ordered.len()) as u64;
    result.checked += samples.len() as u64;
    let mut last = vec![None; flows.len()];
    for (flow, index, mut payload) in ordered {
        let Some(ssrc) = flows.get(flow).map(|flow| flow.ssrc) else { continue };
        if let Some(last) = last.get_mut(flow) {
            lead(form, flows, flow, plan.sequence.into(), last, index);
        }
        let length = payload.len();
        let protected = flows.get(flow).is_some_and(|flow| flow.arrives_protected());
        let opened = if protected {
            let mut packets = [Packet::new(&mut payload, length, Kind::Rtp, flow as u32)];
            unprotect_burst(&mut packets, flows);
            let [packet] = packets;
            packet.outcome.ok().map(|()| packet.length)
        } else {
            Some(length)
        };
        match opened {
            None => result.unauthentic += 1,
            Some(length) if payload.get(..length).is_some_and(|packet| form.is(packet, ssrc, index)) => {}
            Some(_) => result.different += 1,
        }
    }
    Ok(result)
}

/// Flow, index and SRTP packet of a sample, if it is a packet of the run: its number is in its timestamp.
fn read(sample: &Sample, plan: &Plan, flows: &Flows) -> Option<(usize, u64, Vec<u8>)> {
    let headers = Headers::parse(&sample.frame[..]).ok()?;
    let payload = sample.frame.get(headers.payload(&sample.frame[..]).ok()?)?;
    let (ssrc, sequence) = identify(payload)?;
    let flow = flows.with_ssrc(ssrc)?;
    let number = u32::from_be_bytes(*payload.get(4..)?.first_chunk()?);
    let index = u64::from(plan.sequence) + u64::from(number) / flows.len() as u64;
    (u64::from(number) % flows.len() as u64 == flow as u64 && index as u16 == sequence)
        .then(|| (flow, index, payload.to_vec()))
}

/// Takes the receiver across a gap by packets under the relay's key, which the run has given it. The first of a flow goes
/// before all others: a receiver takes the roll-over counter of what it hears first for 0.
fn lead(form: Form, flows: &mut Flows, flow: usize, first: u64, last: &mut Option<u64>, index: u64) {
    let Some(ssrc) = flows.get(flow).filter(|flow| flow.arrives_protected()).map(|flow| flow.ssrc) else {
        return;
    };
    loop {
        let next = last.map_or(first, |last| last + STEP);
        if next >= index {
            return;
        }
        let mut bytes = vec![0; form.length() + 16];
        let length = form.write(&mut bytes, ssrc, next);
        let mut packets = [Packet::new(&mut bytes, length, Kind::Rtp, Flows::guide(flow))];
        protect_burst(&mut packets, flows);
        packets[0].context = flow as u32;
        unprotect_burst(&mut packets, flows);
        *last = Some(next);
    }
}
