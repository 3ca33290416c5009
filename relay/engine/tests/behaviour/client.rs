// SPDX-License-Identifier: MIT OR Apache-2.0
//! What endpoints send and understand.

use culvert_engine::{Protection, Receive, Send};
use culvert_secret::Secret;
use culvert_srtp::{
    Contexts, KeySet, Kind, MasterKey, Packet, ReceiveContext, Reject, SendContext, Suite, protect_burst,
    unprotect_burst,
};

/// How one direction of a leg is protected.
#[derive(Copy, Clone, Debug)]
pub enum Guard {
    Plain,
    /// By the key of that number.
    Srtp(Suite, u8),
}

pub fn keys(suite: Suite, number: u8) -> Secret<KeySet> {
    KeySet::new(suite, &[master_key(suite, number)]).unwrap()
}

pub fn master_key(suite: Suite, number: u8) -> MasterKey {
    let key: Vec<u8> = (0..suite.key_length()).map(|i| number.wrapping_mul(31) ^ i as u8).collect();
    let salt: Vec<u8> = (0..suite.salt_length()).map(|i| number.wrapping_add(100) ^ (i as u8) << 3).collect();
    MasterKey::new(suite, &key, &salt).unwrap()
}

impl Guard {
    pub fn receive(self, max_ssrcs: usize) -> Receive {
        match self {
            Guard::Plain => Receive::plain(),
            Guard::Srtp(suite, number) => Receive::srtp(ReceiveContext::new(keys(suite, number), max_ssrcs)),
        }
    }

    pub fn send(self, max_ssrcs: usize) -> Send {
        match self {
            Guard::Plain => Send::plain(),
            Guard::Srtp(suite, number) => Send::srtp(SendContext::new(keys(suite, number), max_ssrcs)),
        }
    }
}

/// One end of an SRTP direction; plain ends need none.
pub struct Sealer(Option<SendContext>);

/// The other end.
pub struct Opener(Option<ReceiveContext>);

struct One<'c>(Option<&'c mut SendContext>, Option<&'c mut ReceiveContext>);

impl Contexts for One<'_> {
    fn receive(&self, _: u32) -> Option<&ReceiveContext> {
        self.1.as_deref()
    }

    fn receive_mut(&mut self, _: u32) -> Option<&mut ReceiveContext> {
        self.1.as_deref_mut()
    }

    fn send(&self, _: u32) -> Option<&SendContext> {
        self.0.as_deref()
    }

    fn send_mut(&mut self, _: u32) -> Option<&mut SendContext> {
        self.0.as_deref_mut()
    }
}

fn kind(packet: &[u8]) -> Kind {
    if culvert_wire::is_rtcp(packet[1]) { Kind::Rtcp } else { Kind::Rtp }
}

impl Sealer {
    pub fn new(guard: Guard) -> Sealer {
        match guard.send(16) {
            Send::Optional(Protection::Srtp(context)) => Sealer(Some(context)),
            _ => Sealer(None),
        }
    }

    pub fn rekey(&mut self, suite: Suite, number: u8) {
        self.0.as_mut().unwrap().rekey(keys(suite, number));
    }

    pub fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        let Some(context) = &mut self.0 else { return plain.to_vec() };
        let mut buffer = plain.to_vec();
        buffer.resize(plain.len() + 64, 0);
        let mut packets = [Packet::new(&mut buffer, plain.len(), kind(plain), 0)];
        protect_burst(&mut packets, &mut One(Some(context), None));
        assert_eq!(packets[0].outcome, Ok(()));
        let length = packets[0].length;
        buffer.truncate(length);
        buffer
    }
}

impl Opener {
    pub fn new(guard: Guard) -> Opener {
        match guard.receive(16) {
            Receive::Optional(Protection::Srtp(context)) => Opener(Some(context)),
            _ => Opener(None),
        }
    }

    pub fn rekey(&mut self, suite: Suite, number: u8) {
        self.0.as_mut().unwrap().rekey(keys(suite, number));
    }

    pub fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, Reject> {
        let Some(context) = &mut self.0 else { return Ok(sealed.to_vec()) };
        let mut buffer = sealed.to_vec();
        let length = buffer.len();
        let mut packets = [Packet::new(&mut buffer, length, kind(sealed), 0)];
        unprotect_burst(&mut packets, &mut One(None, Some(context)));
        packets[0].outcome?;
        let length = packets[0].length;
        buffer.truncate(length);
        Ok(buffer)
    }
}

/// An RTP packet of payload type 0 with 160 bytes of payload that depend on the sequence number.
pub fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    rtp_of(ssrc, sequence, 160)
}

pub fn rtp_of(ssrc: u32, sequence: u16, payload: usize) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..payload).map(|i| (i as u8).wrapping_mul(7) ^ sequence as u8));
    packet
}

/// An RTCP receiver report without report blocks, followed by a source description.
pub fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x81, 202, 0, 3]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([1, 4, b'c', b'u', b'l', b'v', 0, 0]);
    packet
}
