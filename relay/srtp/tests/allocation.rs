// SPDX-License-Identifier: MIT OR Apache-2.0
//! What contexts take from the heap and from the memory for keys, and that bursts take nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::num::NonZeroU8;
use std::sync::{Mutex, MutexGuard, PoisonError};

use culvert_secret::Secret;
use culvert_srtp::{
    Contexts, Cryptex, HeaderProtection, KeySet, Kind, MasterKey, Onward, Packet, Path, ReceiveContext,
    Reject, Relay, SendContext, Suite, protect_burst, rekey_burst, unprotect_burst,
};

thread_local! {
    /// Calls to the allocator, and bytes that are allocated, both of this thread.
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

fn count(bytes: isize) {
    CALLS.set(CALLS.get() + 1);
    LIVE.set(LIVE.get() + bytes);
}

#[expect(unsafe_code, reason = "the allocator's trait is unsafe")]
// SAFETY: every call goes to the system's allocator as it came; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps `GlobalAlloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps `GlobalAlloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The memory for keys is counted for the whole process: tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls to either allocator.
fn calls() -> (usize, u64) {
    (CALLS.get(), culvert_secret::usage().allocations)
}

fn live() -> isize {
    LIVE.get() + culvert_secret::usage().in_use as isize
}

struct Leg {
    receive: ReceiveContext,
    send: SendContext,
}

impl Contexts for Leg {
    fn receive(&self, _: u32) -> Option<&ReceiveContext> {
        Some(&self.receive)
    }

    fn receive_mut(&mut self, _: u32) -> Option<&mut ReceiveContext> {
        Some(&mut self.receive)
    }

    fn send(&self, _: u32) -> Option<&SendContext> {
        Some(&self.send)
    }

    fn send_mut(&mut self, _: u32) -> Option<&mut SendContext> {
        Some(&mut self.send)
    }
}

impl Relay for Leg {
    fn accept(&mut self, _: usize, packet: &Packet<'_>) -> Onward {
        if packet.index.is_multiple_of(7) { Onward::Clear } else { Onward::Protect }
    }
}

fn keys(suite: Suite, path: Path, seed: u8) -> Secret<KeySet> {
    let key =
        MasterKey::new(suite, &vec![seed; suite.key_length()], &vec![!seed; suite.salt_length()]).unwrap();
    KeySet::with_path(suite, &[key], path).unwrap()
}

fn rtp(buffer: &mut [u8], ssrc: u32, sequence: u16) -> usize {
    buffer[..12].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    buffer[2..4].copy_from_slice(&sequence.to_be_bytes());
    buffer[8..12].copy_from_slice(&ssrc.to_be_bytes());
    172
}

fn rtcp(buffer: &mut [u8], ssrc: u32) -> usize {
    buffer[..4].copy_from_slice(&[0x80, 201, 0, 1]);
    buffer[4..8].copy_from_slice(&ssrc.to_be_bytes());
    8
}

/// A flow keeps one context of each kind. With all else it is to fit 2 KiB; with GCM, whose keys come with powers of the
/// hash key, 320 bytes more.
#[test]
fn both_contexts_of_a_flow_fit_their_bounds() {
    let _turn = alone();
    if !Path::AesNi.is_available() {
        return;
    }
    for suite in Suite::ALL {
        // The books of the memory for keys are there from the first set on.
        let _first = keys(suite, Path::AesNi, 3);
        let before = live();
        let receive = ReceiveContext::new(keys(suite, Path::AesNi, 1), 4);
        let send = SendContext::new(keys(suite, Path::AesNi, 2), 4);
        let heap = usize::try_from(live() - before).unwrap();
        let total = heap + size_of_val(&receive) + size_of_val(&send);
        let bound = if suite.salt_length() == 12 { 1920 } else { 1600 };
        assert!(total <= bound, "{suite}: {total} bytes");
    }
}

#[test]
fn bursts_do_not_allocate() {
    let _turn = alone();
    for suite in Suite::ALL {
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            let mut leg = Leg {
                receive: ReceiveContext::new(keys(suite, path, 1), 4),
                send: SendContext::new(keys(suite, path, 1), 4),
            };
            let mut buffers = [[0x5a_u8; 256]; 16];
            let (mut sequence, mut accepted, mut rejected) = (0xfff0_u16, 0, [0; Reject::ALL.len()]);
            // Four SSRCs find room and two do not; every fourth packet is RTCP; later, some are forged or repeated.
            for round in 0..40 {
                // What a re-key allocates is the control side's.
                if round == 20 {
                    leg.receive.rekey(keys(suite, path, 2));
                }
                if round == 22 {
                    leg.send.rekey(keys(suite, path, 2));
                }
                let before = calls();
                let mut position = 0_u32;
                let mut packets = buffers.each_mut().map(|buffer| {
                    position += 1;
                    let ssrc = position % 6;
                    if position.is_multiple_of(4) {
                        let length = rtcp(buffer, ssrc);
                        Packet::new(buffer, length, Kind::Rtcp, 0)
                    } else {
                        sequence = sequence.wrapping_add(1);
                        let length = rtp(buffer, ssrc, sequence);
                        Packet::new(buffer, length, Kind::Rtp, 0)
                    }
                });
                protect_burst(&mut packets, &mut leg);
                packets[3].buffer[6] ^= 0x80;
                packets[8].buffer[20] ^= 1;
                unprotect_burst(&mut packets, &mut leg);
                assert_eq!(calls(), before, "{suite} {path} round {round}");
                for packet in &packets {
                    match packet.outcome {
                        Ok(()) => accepted += 1,
                        Err(reject) => rejected[reject as usize] += 1,
                    }
                }
            }
            assert!(accepted > 300, "{suite} {path}: {accepted}");
            assert!(rejected[Reject::AuthenticationFailed as usize] >= 40, "{suite} {path}");
            assert!(rejected[Reject::TooManySsrcs as usize] >= 40, "{suite} {path}");
        }
    }
}

/// A burst of more than one batch, between every two suites, with packets that are out of their place, forged and repeated.
#[test]
fn rekeying_does_not_allocate() {
    let _turn = alone();
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        for (from, to) in Suite::ALL.into_iter().flat_map(|from| Suite::ALL.map(|to| (from, to))) {
            let leg = |suite| Leg {
                receive: ReceiveContext::new(keys(suite, path, 1), 4),
                send: SendContext::new(keys(suite, path, 1), 4),
            };
            let (mut sender, mut relay) = (leg(from), leg(to));
            relay.receive = ReceiveContext::new(keys(from, path, 9), 4);
            relay.receive.rekey(keys(from, path, 1));
            let mut buffers = [[0x5a_u8; 256]; 100];
            let mut packets: Vec<Packet<'_>> = Vec::new();
            for (n, buffer) in buffers.iter_mut().enumerate() {
                let ssrc = n as u32 % 3;
                let (length, kind) = match n % 9 {
                    8 => (rtcp(buffer, ssrc), Kind::Rtcp),
                    _ => (rtp(buffer, ssrc, n as u16 ^ 2), Kind::Rtp),
                };
                packets.push(Packet::new(buffer, length, kind, 0));
            }
            protect_burst(&mut packets, &mut sender);
            for packet in packets.iter_mut().step_by(10) {
                packet.buffer[7] ^= 1;
            }
            let before = calls();
            rekey_burst(&mut packets, &mut relay);
            assert_eq!(calls(), before, "{from} to {to} on {path}");
            let refused: Vec<usize> = (0..100).filter(|n| packets[*n].outcome.is_err()).collect();
            assert_eq!(refused, (0..100).step_by(10).collect::<Vec<_>>(), "{from} to {to} on {path}");
        }
    }
}

/// Headers that are encrypted on one leg, on the other or on both, as a whole and element by element.
#[test]
fn protecting_headers_does_not_allocate() {
    let _turn = alone();
    let cryptex = HeaderProtection { cryptex: Cryptex::Required, ..HeaderProtection::default() };
    let elements = HeaderProtection {
        encrypted_extensions: [1, 2].into_iter().filter_map(NonZeroU8::new).collect(),
        ..HeaderProtection::default()
    };
    let legs = [HeaderProtection::default(), cryptex, elements];
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        for suite in Suite::ALL.into_iter().filter(|suite| suite.encrypts()) {
            let keys = || {
                let key = MasterKey::new(suite, &vec![7; suite.key_length()], &vec![8; suite.salt_length()]);
                KeySet::with_extension_keys(suite, &[key.unwrap()], path).unwrap()
            };
            for (from, to) in legs.into_iter().flat_map(|from| legs.map(|to| (from, to))) {
                let leg = |receive, send| Leg {
                    receive: ReceiveContext::new(keys(), 4).with_header_protection(receive),
                    send: SendContext::new(keys(), 4).with_header_protection(send),
                };
                let (mut sender, mut relay, mut receiver) = (leg(to, from), leg(from, to), leg(to, from));
                let mut buffers = [[0x5a_u8; 256]; 60];
                let mut packets: Vec<Packet<'_>> = Vec::new();
                for (n, buffer) in buffers.iter_mut().enumerate() {
                    let length = rtp(buffer, n as u32 % 3, n as u16);
                    // Two CSRCs, an extension, both, or neither.
                    buffer[0] |= [0x02, 0x10, 0x12, 0][n % 4];
                    let extension = 12 + 4 * usize::from(buffer[0] & 15);
                    if buffer[0] & 0x10 != 0 {
                        buffer[extension..extension + 8]
                            .copy_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 1, 0x20, 2]);
                    }
                    packets.push(Packet::new(buffer, length, Kind::Rtp, 0));
                }
                let before = calls();
                protect_burst(&mut packets, &mut sender);
                for packet in packets.iter_mut().step_by(10) {
                    packet.buffer[40] ^= 1;
                }
                rekey_burst(&mut packets, &mut relay);
                let refused = packets.iter().filter(|packet| packet.outcome.is_err()).count();
                packets.retain_mut(|packet| packet.outcome.is_ok() && !packet.index.is_multiple_of(7));
                unprotect_burst(&mut packets, &mut receiver);
                assert_eq!(calls(), before, "{suite} on {path}");
                assert_eq!(refused, 6, "{suite} on {path}");
                assert!(packets.iter().all(|packet| packet.outcome.is_ok()), "{suite} on {path}");
            }
        }
    }
}
