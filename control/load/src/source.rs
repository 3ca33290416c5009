// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes bursts of media.

use arrayvec::ArrayVec;
use culvert_srtp::{Kind, Packet, Reject, protect_burst};

use crate::flow::Flows;
use crate::media::{Form, Timestamp};
use crate::plan::{MOST_AT_ONCE, Plan};
use crate::transport::Outgoing;

/// A packet of the burst that was made last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) flow: usize,
    pub(crate) index: u64,
    pub(crate) length: usize,
}

/// Goes round the flows.
#[derive(Debug)]
pub(crate) struct Source {
    form: Form,
    buffers: Vec<Vec<u8>>,
    burst: ArrayVec<Written, MOST_AT_ONCE>,
    cursor: usize,
    /// Packets that could not be protected: the key has served its lifetime.
    pub(crate) refused: u64,
}

impl Source {
    pub(crate) fn new(plan: &Plan, form: Form) -> Source {
        Source {
            form,
            buffers: vec![vec![0; plan.room()]; MOST_AT_ONCE],
            burst: ArrayVec::new(),
            cursor: 0,
            refused: 0,
        }
    }

    /// Makes the next `count` packets, at most [`MOST_AT_ONCE`]. Each flow's packets are protected one after the other,
    /// so that no index is used twice, and none is left out but by [`refused`](Self::refused).
    pub(crate) fn make(&mut self, count: usize, flows: &mut Flows) {
        self.burst.clear();
        let mut packets: ArrayVec<Packet<'_>, MOST_AT_ONCE> = ArrayVec::new();
        let mut written: ArrayVec<Written, MOST_AT_ONCE> = ArrayVec::new();
        for buffer in self.buffers.iter_mut().take(count) {
            let id = self.cursor;
            self.cursor = if id + 1 < flows.len() { id + 1 } else { 0 };
            let Some(flow) = flows.get_mut(id) else { break };
            let index = flow.next;
            flow.next += 1;
            let length = self.form.write(buffer, flow.ssrc, index);
            let mut packet = Packet::new(buffer, length, Kind::Rtp, id as u32);
            if !flow.is_protected() {
                packet.outcome = Err(Reject::NoContext);
            }
            packets.push(packet);
            written.push(Written { flow: id, index, length });
        }
        protect_burst(&mut packets, flows);
        for (packet, mut written) in packets.iter().zip(written) {
            let plain = flows.get(written.flow).is_some_and(|flow| !flow.is_protected());
            // The places of packets and buffers stay the same: a refused one has no length.
            match packet.outcome {
                Ok(()) => written.length = packet.length,
                Err(_) if plain => {}
                Err(_) => {
                    written.length = 0;
                    self.refused += 1;
                }
            }
            self.burst.push(written);
        }
    }

    /// What was made last: packets and their bytes.
    pub(crate) fn burst(&self) -> impl Iterator<Item = (Written, &[u8])> {
        self.burst
            .iter()
            .zip(&self.buffers)
            .filter(|(written, _)| written.length > 0)
            .map(|(written, buffer)| (*written, buffer.get(..written.length).unwrap_or_default()))
    }

    /// The same, addressed.
    pub(crate) fn outgoing<'s>(&'s self, flows: &'s Flows) -> impl Iterator<Item = (Written, Outgoing<'s>)> {
        self.burst().filter_map(|(written, payload)| {
            let flow = flows.get(written.flow)?;
            Some((written, Outgoing { from: flow.from, to: flow.to, payload }))
        })
    }
}

/// What the packets of a plan look like.
pub(crate) fn form(plan: &Plan) -> Form {
    Form { payload: plan.payload.into(), payload_type: plan.payload_type, timestamp: Timestamp::Voice }
}
