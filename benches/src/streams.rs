// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many streams of one suite, as the callers of a relay would have them.

use culvert_srtp::{
    Contexts, KeyError, Kind, Onward, Packet, Path, ReceiveContext, Relay, SendContext, Suite, protect_burst,
    rekey_burst,
};

use crate::fixture::{Leg, Rtp, keys, keys_on};

/// SSRCs that each context has room for.
pub const SSRCS: usize = 4;

/// One context per stream for each side; the packet's `context` is the stream's number.
#[derive(Debug, Default)]
pub struct Side {
    /// To open packets.
    pub receive: Vec<ReceiveContext>,
    /// To close packets.
    pub send: Vec<SendContext>,
}

impl Contexts for Side {
    fn receive(&self, id: u32) -> Option<&ReceiveContext> {
        self.receive.get(id as usize)
    }

    fn receive_mut(&mut self, id: u32) -> Option<&mut ReceiveContext> {
        self.receive.get_mut(id as usize)
    }

    fn send(&self, id: u32) -> Option<&SendContext> {
        self.send.get(id as usize)
    }

    fn send_mut(&mut self, id: u32) -> Option<&mut SendContext> {
        self.send.get_mut(id as usize)
    }
}

impl Relay for Side {
    fn accept(&mut self, _place: usize, _packet: &Packet<'_>) -> Onward {
        Onward::Protect
    }
}

/// What a relay does to a burst: opens it under leg A's keys and closes it under leg B's.
pub fn rekey(packets: &mut [Packet<'_>], side: &mut Side) {
    rekey_burst(packets, side);
}

impl Side {
    /// Opens packets of leg A and closes them for leg B: the relay.
    ///
    /// # Errors
    /// When the suite refuses a key.
    pub fn relay(suite: Suite, streams: u32) -> Result<Side, KeyError> {
        Side::relay_on(Path::chosen(), suite, streams)
    }

    /// The same, by a path of our choice.
    ///
    /// # Errors
    /// When the suite refuses a key.
    pub fn relay_on(path: Path, suite: Suite, streams: u32) -> Result<Side, KeyError> {
        let keys = |leg, stream| keys_on(path, suite, leg, stream);
        let receive = (0..streams).map(|stream| Ok(ReceiveContext::new(keys(Leg::A, stream)?, SSRCS)));
        let send = (0..streams).map(|stream| Ok(SendContext::new(keys(Leg::B, stream)?, SSRCS)));
        Ok(Side { receive: receive.collect::<Result<_, _>>()?, send: send.collect::<Result<_, _>>()? })
    }

    /// Closes packets under the keys of a leg: the caller, when the leg is A.
    ///
    /// # Errors
    /// When the suite refuses a key.
    pub fn sender(suite: Suite, leg: Leg, streams: u32) -> Result<Side, KeyError> {
        let send = (0..streams).map(|stream| Ok(SendContext::new(keys(suite, leg, stream)?, SSRCS)));
        Ok(Side { receive: Vec::new(), send: send.collect::<Result<_, _>>()? })
    }

    /// Opens packets under the keys of a leg: the callee, when the leg is B.
    ///
    /// # Errors
    /// When the suite refuses a key.
    pub fn receiver(suite: Suite, leg: Leg, streams: u32) -> Result<Side, KeyError> {
        let receive = (0..streams).map(|stream| Ok(ReceiveContext::new(keys(suite, leg, stream)?, SSRCS)));
        Ok(Side { receive: receive.collect::<Result<_, _>>()?, send: Vec::new() })
    }
}

/// Packet `number` of a load that goes round `streams` streams.
pub fn packet(number: u32, streams: u32) -> (u32, Rtp) {
    let stream = number % streams;
    let sequence = (number / streams) as u16;
    (stream, Rtp { ssrc: 0x0c0f_fee0 + stream, sequence, timestamp: number })
}

/// The same packets in an order in which no stream is next to the one before, as callers' packets arrive: a processor
/// must not learn where the next context lies.
pub fn scattered(number: u32, streams: u32) -> (u32, Rtp) {
    // A prime that divides no number of streams in use, so that every stream has its turn.
    const STEP: u64 = 617;
    let stream = u64::from(number % streams) * STEP % u64::from(streams);
    packet(number - number % streams + stream as u32, streams)
}

/// Protects consecutive packets of a load, each in its buffer; `start` of every buffer stays free for headers.
#[derive(Debug)]
pub struct Load {
    sender: Option<Side>,
    order: fn(u32, u32) -> (u32, Rtp),
    streams: u32,
    payload: usize,
    next: u32,
}

impl Load {
    /// SRTP under leg A's keys; plain RTP without a suite.
    ///
    /// # Errors
    /// When the suite refuses a key.
    pub fn new(suite: Option<Suite>, streams: u32, payload: usize) -> Result<Load, KeyError> {
        let sender = suite.map(|suite| Side::sender(suite, Leg::A, streams)).transpose()?;
        Ok(Load { sender, order: packet, streams, payload, next: 0 })
    }

    /// In the order of [`scattered`].
    pub fn scattered(self) -> Load {
        Load { order: scattered, ..self }
    }

    /// Writes one packet per buffer, from `start` on, and says the length that they all have.
    ///
    /// # Panics
    /// When a packet cannot be protected: the bench would measure something else.
    pub fn fill<B: AsMut<[u8]>>(&mut self, buffers: &mut [B], start: usize) -> usize {
        let mut length = 0;
        for chunk in buffers.chunks_mut(64) {
            let mut packets: Vec<Packet<'_>> = chunk
                .iter_mut()
                .map(|buffer| {
                    let buffer = &mut buffer.as_mut()[start..];
                    let (stream, rtp) = (self.order)(self.next, self.streams);
                    self.next = self.next.wrapping_add(1);
                    let length = rtp.write(buffer, self.payload);
                    Packet::new(buffer, length, Kind::Rtp, stream)
                })
                .collect();
            if let Some(sender) = &mut self.sender {
                protect_burst(&mut packets, sender);
            }
            for packet in &packets {
                assert_eq!(packet.outcome, Ok(()));
                length = packet.length;
            }
        }
        length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scattered_streams_take_turns() {
        for streams in [1, 2, 100, 1000, 100_000] {
            for round in [0, 5] {
                let mut turns: Vec<u32> =
                    (round * streams..(round + 1) * streams).map(|n| scattered(n, streams).0).collect();
                turns.sort_unstable();
                assert_eq!(turns, (0..streams).collect::<Vec<_>>());
                assert_eq!(u32::from(scattered(round * streams, streams).1.sequence), round);
            }
        }
    }
}
