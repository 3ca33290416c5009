// SPDX-License-Identifier: MIT OR Apache-2.0
//! Judges what arrives.

use culvert_srtp::{Kind, Packet, unprotect_burst};

use crate::flow::Flows;
use crate::histogram::Histogram;
use crate::media::{Form, identify};
use crate::stamps::Stamps;
use crate::track::Arrival;
use crate::transport::Incoming;

/// What has arrived in one direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// Distinct packets.
    pub(crate) delivered: u64,
    pub(crate) duplicates: u64,
    pub(crate) reordered: u64,
    /// The greatest reordering extent.
    pub(crate) extent: u32,
    /// So far behind that nothing is known of them.
    pub(crate) late: u64,
    /// Packets at the wrong address or from the wrong one.
    pub(crate) misdirected: u64,
    pub(crate) samples: Samples,
    pub(crate) latency: Histogram,
}

/// Packets that were opened and compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Samples {
    pub(crate) checked: u64,
    /// Those that do not authenticate under the leg's key.
    pub(crate) unauthentic: u64,
    /// Those that are not what was sent.
    pub(crate) different: u64,
}

/// Both directions.
#[derive(Debug)]
pub(crate) struct Sink {
    form: Form,
    sample: u64,
    pub(crate) heard: [Heard; 2],
    /// What is no packet of this run.
    pub(crate) foreign: u64,
}

impl Sink {
    pub(crate) fn new(form: Form, sample: u64) -> Sink {
        Sink { form, sample, heard: Default::default(), foreign: 0 }
    }

    /// Takes one packet, which came at `time` nanoseconds of the clock that the stamps are of.
    pub(crate) fn take(&mut self, packet: &mut Incoming<'_>, time: u64, flows: &mut Flows, stamps: &Stamps) {
        let known =
            identify(packet.payload).and_then(|(ssrc, sequence)| Some((flows.with_ssrc(ssrc)?, sequence)));
        let Some((id, sequence)) = known else {
            self.foreign += 1;
            return;
        };
        let Some(flow) = flows.get_mut(id) else { return };
        let Some(heard) = self.heard.get_mut(flow.direction) else { return };
        if packet.at != flow.at || packet.from != flow.source {
            heard.misdirected += 1;
            return;
        }
        let Some(index) = flow.track.index(sequence).filter(|index| *index < flow.next) else {
            self.foreign += 1;
            return;
        };
        match flow.track.arrive(index) {
            Arrival::InOrder => {}
            Arrival::Reordered(extent) => {
                heard.reordered += 1;
                heard.extent = heard.extent.max(extent);
            }
            Arrival::Duplicate => {
                heard.duplicates += 1;
                return;
            }
            Arrival::Late => {
                heard.late += 1;
                return;
            }
        }
        heard.delivered += 1;
        if let Some(sent) = stamps.get(id, index) {
            heard.latency.record(time.saturating_sub(sent));
        }
        if self.sample > 0 && index % self.sample == 0 {
            let ssrc = flow.ssrc;
            let protected = flow.arrives_protected();
            heard.samples.checked += 1;
            match open(packet.payload, id, protected, flows) {
                None => heard.samples.unauthentic += 1,
                Some(length)
                    if packet.payload.get(..length).is_some_and(|p| self.form.is(p, ssrc, index)) => {}
                Some(_) => heard.samples.different += 1,
            }
        }
    }

    /// Distinct packets of both directions.
    pub(crate) fn delivered(&self) -> u64 {
        self.heard.iter().map(|heard| heard.delivered).sum()
    }
}

/// The plain packet's length, if it authenticates.
fn open(payload: &mut [u8], flow: usize, protected: bool, flows: &mut Flows) -> Option<usize> {
    let length = payload.len();
    if !protected {
        return Some(length);
    }
    let mut packets = [Packet::new(payload, length, Kind::Rtp, flow as u32)];
    unprotect_burst(&mut packets, flows);
    let [packet] = packets;
    packet.outcome.ok().map(|()| packet.length)
}
