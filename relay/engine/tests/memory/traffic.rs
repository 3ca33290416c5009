// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flows of every suite, and what their endpoints send.

use std::sync::Arc;

use culvert_engine::{
    Egress, Flow, FlowCounters, FlowSlot, Ingress, InterfaceId, NextHop, Receive, Send, SourceRule, Via,
};
use culvert_secret::Secret;
use culvert_srtp::{Contexts, KeySet, Kind, MasterKey, ReceiveContext, SendContext, Suite, protect_burst};
use culvert_wire::emit::{HeaderSpec, header_length, write};
use culvert_wire::{Address, Endpoint, MacAddress};

const RELAY: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const WORLD: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

fn endpoint(network: u8, slot: u32, odd: u16) -> Endpoint {
    let [_, high, low, _] = (slot * 4).to_be_bytes();
    let port = 10_000 + 2 * ((slot % 64) as u16) + odd;
    Endpoint { address: Address::from_ipv4([network, 1, high, low]), port }
}

fn keys(suite: Suite, slot: u32) -> Secret<KeySet> {
    let bytes: Vec<u8> =
        (0..32u32).map(|i| (slot.wrapping_mul(2_654_435_761) >> 8) as u8 ^ i as u8).collect();
    let key = MasterKey::new(suite, &bytes[..suite.key_length()], &bytes[..suite.salt_length()]).unwrap();
    KeySet::new(suite, &[key]).unwrap()
}

/// A flow of its own ports, learning, under one suite on both legs, its next hop known.
pub(crate) fn flow(slot: u32, suite: Suite, max_ssrcs: usize) -> Flow {
    let hop = NextHop {
        interface: InterfaceId(0),
        source_mac: RELAY,
        destination_mac: WORLD,
        vlan: None,
        mtu: 1500,
    };
    let ingress = [0, 1].map(|odd| Ingress::new(endpoint(10, slot, odd), SourceRule::Learn));
    let egress = [0, 1].map(|odd| Egress {
        local: endpoint(11, slot, odd),
        remote: Some(endpoint(12, slot, odd)),
        via: Via::ReversePath(hop),
    });
    let receive = Receive::srtp(ReceiveContext::new(keys(suite, slot), max_ssrcs));
    let send = Send::srtp(SendContext::new(keys(suite, slot + 1_000_000), max_ssrcs));
    let mut flow = Flow::new(ingress, receive, egress, send, Arc::new(FlowCounters::new(max_ssrcs)));
    flow.peer = Some(FlowSlot(slot ^ 1));
    flow
}

/// An endpoint that sends into a flow.
pub(crate) struct Sealer(SendContext);

impl Contexts for Sealer {
    fn receive(&self, _: u32) -> Option<&ReceiveContext> {
        None
    }

    fn receive_mut(&mut self, _: u32) -> Option<&mut ReceiveContext> {
        None
    }

    fn send(&self, _: u32) -> Option<&SendContext> {
        Some(&self.0)
    }

    fn send_mut(&mut self, _: u32) -> Option<&mut SendContext> {
        Some(&mut self.0)
    }
}

impl Sealer {
    pub(crate) fn new(slot: u32, suite: Suite) -> Sealer {
        Sealer(SendContext::new(keys(suite, slot), 4))
    }

    /// An Ethernet frame with an SRTP packet.
    pub(crate) fn frame(&mut self, slot: u32, sequence: u16) -> Vec<u8> {
        let mut rtp = vec![0x80, 0];
        rtp.extend(sequence.to_be_bytes());
        rtp.extend((u32::from(sequence) * 160).to_be_bytes());
        rtp.extend(slot.to_be_bytes());
        rtp.extend([0x55; 160]);
        let plain = rtp.len();
        rtp.resize(plain + 64, 0);
        let mut packets = [culvert_srtp::Packet::new(&mut rtp, plain, Kind::Rtp, 0)];
        protect_burst(&mut packets, self);
        packets[0].outcome.expect("seals");
        let length = packets[0].length;
        rtp.truncate(length);
        let spec = HeaderSpec {
            source_mac: WORLD,
            destination_mac: RELAY,
            vlan: None,
            source: endpoint(12, slot, 0),
            destination: endpoint(10, slot, 0),
            traffic_class: 0,
            hop_limit: 64,
        };
        let mut frame = vec![0; header_length(&spec)];
        write(&mut frame, &spec, &rtp).unwrap();
        frame.extend(rtp);
        frame
    }
}
