// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{Contexts, Packet, Reject};

/// Authenticates and decrypts every packet of the burst in place, in order, each under its receive context. Packets
/// whose outcome is already an error are passed over. Neither allocates nor blocks.
pub fn unprotect_burst(packets: &mut [Packet<'_>], contexts: &mut impl Contexts) {
    for packet in packets.iter_mut().filter(|packet| packet.outcome.is_ok()) {
        packet.outcome = match contexts.receive(packet.context) {
            Some(context) => context.unprotect(packet),
            None => Err(Reject::NoContext),
        };
    }
}

/// Encrypts and tags every packet of the burst in place, in order, each under its send context. Packets whose outcome is
/// already an error are passed over. Neither allocates nor blocks.
pub fn protect_burst(packets: &mut [Packet<'_>], contexts: &mut impl Contexts) {
    for packet in packets.iter_mut().filter(|packet| packet.outcome.is_ok()) {
        packet.outcome = match contexts.send(packet.context) {
            Some(context) => context.protect(packet),
            None => Err(Reject::NoContext),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::harness::{ROOM, Table, every_suite_and_path, key_set, master_key, rtp, table};
    use crate::{Kind, ReceiveContext, SendContext};

    struct Nobody;

    impl Contexts for Nobody {
        fn receive(&mut self, _: u32) -> Option<&mut ReceiveContext> {
            None
        }

        fn send(&mut self, _: u32) -> Option<&mut SendContext> {
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
