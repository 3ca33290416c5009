// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bursts of packets through their contexts.
//!
//! The outcome is that of taking the packets one by one, in order. Yet HMACs are fast only for many packets at once, and
//! cover the roll-over counter, which depends on what was accepted before. So every batch goes through three steps:
//!
//! 1. *verify*: each packet's index is foreseen from the state as it is before the batch, and its HMAC computed there.
//!    Nothing is changed.
//! 2. *decide*: one by one, in order, packets are judged by the state as it is now. Where a packet still stands where it
//!    was foreseen, its verdict is known; where not (a jump within the burst, a new key that is being tried), it is found
//!    out now. What is accepted changes the state, and its payload is taken from key to key. A GCM packet is verified
//!    here, on the way to its new key; what does not authenticate is put back.
//! 3. *tag*: the packets that leave under HMAC get their tags.
//!
//! Packets of a context that protects headers are never foreseen. In the second step they go to the plain packet and from
//! there to the other leg ([`headers`]).

mod carry;
mod decide;
mod headers;
mod tag;
mod verify;

use self::tag::Waiting;
use self::verify::Foresight;
use crate::kernel::BATCH;
use crate::{Contexts, Onward, Packet, ReceiveContext, Relay, SendContext};

/// Authenticates and decrypts every packet of the burst in place, in order, each under its receive context. Packets
/// whose outcome is already an error are passed over. Neither allocates nor blocks.
pub fn unprotect_burst(packets: &mut [Packet<'_>], contexts: &mut impl Contexts) {
    rekey_burst(packets, &mut ToNobody(contexts));
}

/// Encrypts and tags every packet of the burst in place, in order, each under its send context. Packets whose outcome is
/// already an error are passed over. Neither allocates nor blocks.
pub fn protect_burst(packets: &mut [Packet<'_>], contexts: &mut impl Contexts) {
    for batch in packets.chunks_mut(BATCH) {
        let mut waiting = Waiting::new();
        decide::admit(batch, &mut waiting, contexts);
        tag::tag(batch, &waiting, contexts);
    }
}

/// Takes every packet of the burst from its receive context to its send context, in place, in order: authenticates it, asks
/// `relay` where it goes, and decrypts and encrypts it in one pass. Packets whose outcome is already an error are passed
/// over. Neither allocates nor blocks.
///
/// It is as if [`unprotect_burst`], `relay` and [`protect_burst`] saw each packet in turn, except that a packet which its
/// send context refuses has its bytes and its length as they came.
pub fn rekey_burst(packets: &mut [Packet<'_>], relay: &mut impl Relay) {
    let mut first = 0;
    for batch in packets.chunks_mut(BATCH) {
        let (mut foresight, mut waiting) = (Foresight::new(), Waiting::new());
        verify::verify(batch, &mut foresight, relay);
        decide::decide(first, batch, &foresight, &mut waiting, relay);
        tag::tag(batch, &waiting, relay);
        first += batch.len();
    }
}

/// A relay that unprotects only.
struct ToNobody<'c, C>(&'c mut C);

impl<C: Contexts> Contexts for ToNobody<'_, C> {
    fn receive(&self, id: u32) -> Option<&ReceiveContext> {
        self.0.receive(id)
    }

    fn receive_mut(&mut self, id: u32) -> Option<&mut ReceiveContext> {
        self.0.receive_mut(id)
    }

    fn send(&self, _id: u32) -> Option<&SendContext> {
        None
    }

    fn send_mut(&mut self, _id: u32) -> Option<&mut SendContext> {
        None
    }
}

impl<C: Contexts> Relay for ToNobody<'_, C> {
    fn accept(&mut self, _place: usize, _packet: &Packet<'_>) -> Onward {
        Onward::Clear
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::harness::{ROOM, Table, every_suite_and_path, key_set, master_key, rtp, table};
    use crate::{Kind, Reject};

    struct Nobody;

    impl Contexts for Nobody {
        fn receive(&self, _: u32) -> Option<&ReceiveContext> {
            None
        }

        fn receive_mut(&mut self, _: u32) -> Option<&mut ReceiveContext> {
            None
        }

        fn send(&self, _: u32) -> Option<&SendContext> {
            None
        }

        fn send_mut(&mut self, _: u32) -> Option<&mut SendContext> {
            None
        }
    }

    fn packets<'b>(buffers: &'b mut [Vec<u8>]) -> Vec<Packet<'b>> {
        let packet = |buffer: &'b mut Vec<u8>| {
            let length = buffer.len() - ROOM;
            Packet::new(buffer, length, Kind::Rtp, 0)
        };
        buffers.iter_mut().map(packet).collect()
    }

    #[test]
    fn a_burst_is_its_packets_one_by_one() {
        every_suite_and_path(|suite, path| {
            let new_table = || table(|| key_set(suite, path, &[master_key(suite, 3, &[])]));
            let (mut in_bursts, mut one_by_one): (Table, Table) = (new_table(), new_table());
            // Two SSRCs, a roll-over, a repeat, and a packet out of order.
            let plain = [(1, 65_534), (2, 7), (1, 0), (1, 65_535), (1, 0), (2, 7), (2, 8), (1, 1)];
            let mut buffers: Vec<Vec<u8>> = plain
                .into_iter()
                .map(|(ssrc, sequence)| [rtp(ssrc, sequence, 0, None, &[1; 99]), vec![0; ROOM]].concat())
                .collect();

            let singly: Vec<_> = buffers
                .iter()
                .map(|buffer| one_by_one.protect(0, Kind::Rtp, &buffer[..buffer.len() - ROOM]))
                .collect();
            let mut burst = packets(&mut buffers);
            protect_burst(&mut burst, &mut in_bursts);
            let results = burst.iter().map(|p| p.outcome.map(|()| (p.bytes().to_vec(), p.index)));
            assert_eq!(results.collect::<Vec<_>>(), singly);
            let reused = Err(Reject::IndexReused);
            let expected = [Ok(()), Ok(()), Ok(()), Ok(()), reused, reused, Ok(()), Ok(())];
            assert_eq!(burst.iter().map(|p| p.outcome).collect::<Vec<_>>(), expected);
            assert_eq!(burst[2].index, 0x1_0000);
            assert_eq!((burst[3].ssrc, burst[3].index), (1, 65_535));

            // The repeats have kept their rejection, and are passed over.
            unprotect_burst(&mut burst, &mut in_bursts);
            assert_eq!(burst.iter().map(|p| p.outcome).collect::<Vec<_>>(), expected);
            for (packet, (ssrc, sequence)) in burst.iter().zip(plain) {
                assert_eq!(packet.bytes(), rtp(ssrc, sequence, 0, None, &[1; 99]));
            }
        });
    }

    #[test]
    fn a_packet_without_context_says_so() {
        let mut buffers = vec![[rtp(1, 1, 0, None, &[]), vec![0; ROOM]].concat()];
        let mut burst = packets(&mut buffers);
        protect_burst(&mut burst, &mut Nobody);
        assert_eq!(burst[0].outcome, Err(Reject::NoContext));
        burst[0].outcome = Ok(());
        unprotect_burst(&mut burst, &mut Nobody);
        assert_eq!(burst[0].outcome, Err(Reject::NoContext));
        assert_eq!(burst[0].bytes(), rtp(1, 1, 0, None, &[]));
    }
}
