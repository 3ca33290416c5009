// SPDX-License-Identifier: MIT OR Apache-2.0
//! Forged packets amid a burst leave it as if they had never come.

use super::harness::{Burst, Outcome, Table, every_suite_and_path, key_set, master_key, noise, rtcp, rtp};
use crate::{
    Contexts, KeySet, Kind, Onward, Packet, Path, ReceiveContext, Relay, SendContext, Suite, rekey_burst,
};
use culvert_secret::Secret;

const SSRCS: [u32; 2] = [0x1111_2222, 3];

fn keys(suite: Suite, path: Path, seed: u8, mki: &[u8]) -> Secret<KeySet> {
    key_set(suite, path, &[master_key(suite, seed, mki)])
}

/// How the receiver stands to its keys.
#[derive(Copy, Clone, Debug)]
enum Keys {
    /// As ever.
    Settled,
    /// The set before is still held, and the sender still uses it.
    Previous,
    /// The set before is still held; the sender has gone over to the new one.
    Fresh,
}

/// A relay that writes down whom it was asked about.
struct Asked {
    table: Table,
    sequences: Vec<(u32, u64)>,
}

impl Contexts for Asked {
    fn receive(&self, id: u32) -> Option<&ReceiveContext> {
        self.table.receive(id)
    }

    fn receive_mut(&mut self, id: u32) -> Option<&mut ReceiveContext> {
        self.table.receive_mut(id)
    }

    fn send(&self, id: u32) -> Option<&SendContext> {
        self.table.send(id)
    }

    fn send_mut(&mut self, id: u32) -> Option<&mut SendContext> {
        self.table.send_mut(id)
    }
}

impl Relay for Asked {
    fn accept(&mut self, _place: usize, packet: &Packet<'_>) -> Onward {
        self.sequences.push((packet.ssrc, packet.index));
        if packet.index.is_multiple_of(5) { Onward::Clear } else { Onward::Protect }
    }
}

struct Legs {
    suite: Suite,
    to: Suite,
    path: Path,
    mki: &'static [u8],
    state: Keys,
}

impl Legs {
    fn relay(&self) -> Asked {
        let mut receive = ReceiveContext::new(keys(self.suite, self.path, 1, self.mki), 3);
        for ssrc in SSRCS {
            receive.jump(ssrc, 0x1_fff0);
        }
        if !matches!(self.state, Keys::Settled) {
            receive.rekey(keys(self.suite, self.path, 2, self.mki));
        }
        let mut send = SendContext::new(keys(self.to, self.path, 7, &[]), 3);
        for ssrc in SSRCS {
            send.jump(ssrc, 0x1_fff0, 0);
        }
        Asked { table: Table { receive: vec![receive], send: vec![send] }, sequences: Vec::new() }
    }

    /// A hundred packets around the end of a cycle.
    fn packets(&self) -> Vec<(Kind, Vec<u8>)> {
        let seed = if matches!(self.state, Keys::Fresh) { 2 } else { 1 };
        let mut table = Table {
            receive: vec![],
            send: vec![SendContext::new(keys(self.suite, self.path, seed, self.mki), 3)],
        };
        for ssrc in SSRCS {
            table.send[0].jump(ssrc, 0x1_fff0, 9);
        }
        let mut sequences = [0xfff1_u16, 0xfff1];
        (0..100)
            .map(|n| {
                let stream = n % 7 % 2;
                let (kind, plain) = if n % 11 == 10 {
                    (Kind::Rtcp, rtcp(SSRCS[stream], n as u8))
                } else {
                    sequences[stream] = sequences[stream].wrapping_add(1);
                    let payload = noise(n * 13 % 400, n as u64);
                    (Kind::Rtp, rtp(SSRCS[stream], sequences[stream], 0, None, &payload))
                };
                (kind, table.protect(0, kind, &plain).unwrap().0)
            })
            .collect()
    }

    /// Takes packets through in one call. What has become of them, and of the relay.
    fn run(&self, packets: &[(Kind, Vec<u8>)]) -> (Vec<Outcome>, Asked) {
        let mut relay = self.relay();
        let burst = Burst::of(packets.iter().map(|(kind, packet)| (*kind, &packet[..])));
        (burst.run(|packets| rekey_burst(packets, &mut relay)), relay)
    }

    fn check(&self) {
        let name = format!("{} to {} on {}, {:?}", self.suite, self.to, self.path, self.state);
        let good = self.packets();
        let (expected, without) = self.run(&good);
        assert!(expected.iter().all(Result::is_ok), "{name}");

        let (mut mixed, mut forged) = (Vec::new(), Vec::new());
        for (n, (kind, packet)) in good.iter().enumerate() {
            // Before the packet that it is made of, and behind.
            let forgeries = [forgery(n, *kind, packet), forgery(n + 7, *kind, packet)];
            let [before, behind] = forgeries.map(|forgery| (*kind, forgery));
            mixed.extend([before, (*kind, packet.clone()), behind]);
            forged.extend([true, false, true]);
        }
        let (outcomes, with) = self.run(&mixed);
        let (mut passed, mut refused) = (Vec::new(), 0);
        for (outcome, forged) in outcomes.into_iter().zip(forged) {
            match forged {
                true => {
                    assert!(outcome.is_err(), "{name}");
                    refused += 1;
                }
                false => passed.push(outcome),
            }
        }
        assert_eq!(refused, 2 * good.len());
        assert!(passed == expected, "{name}: good packets differ");
        assert_eq!(with.sequences, without.sequences, "{name}");
        assert_eq!(with.table.receive[0].state(), without.table.receive[0].state(), "{name}");
        assert_eq!(with.table.send[0].snapshot(), without.table.send[0].snapshot(), "{name}");
    }
}

/// One of the ways to change a packet.
fn forgery(n: usize, kind: Kind, packet: &[u8]) -> Vec<u8> {
    let mut forged = packet.to_vec();
    let last = packet.len() - 1;
    let ssrc = if kind == Kind::Rtp { 8 } else { 4 };
    match n % 9 {
        0 => forged[last] ^= 1,
        1 => forged[last / 2] ^= 0x40,
        2 => forged[1] ^= 1,
        // Another place in the cycle, near and far.
        3 => forged[3] ^= 0x05,
        4 => forged[2] ^= 0x71,
        5 => forged[ssrc + 3] ^= 0x80,
        6 => forged[ssrc..ssrc + 4].copy_from_slice(&(n as u32).to_be_bytes()),
        7 => forged.truncate(last),
        _ => forged[12..].fill(0x33),
    }
    forged
}

#[test]
fn a_burst_is_as_if_they_had_not_come() {
    every_suite_and_path(|suite, path| {
        for (n, to) in Suite::ALL.into_iter().enumerate() {
            let mki: &[u8] = if n % 2 == 0 { &[] } else { &[0xa1, 0xb2] };
            for state in [Keys::Settled, Keys::Previous, Keys::Fresh] {
                Legs { suite, to, path, mki, state }.check();
            }
        }
    });
}
