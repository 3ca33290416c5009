// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ring at its borders, and between two real threads.

use culvert_ring::{Receiver, ring};

fn pop(receiver: &mut Receiver) -> Option<(u64, Vec<u8>)> {
    let record = receiver.pop()?;
    let mut bytes = vec![0; record.length()];
    assert_eq!(record.copy_to(&mut bytes), Some(bytes.len()));
    Some((record.head(0), bytes))
}

#[test]
fn packets_of_every_length_pass_whole_wherever_they_lie() {
    // 64 words, and records of 2 to 15: every length comes to lie across the end.
    let (mut sender, mut receiver) = ring(512);
    let bytes: Vec<u8> = (1..=104).collect();
    for round in 0..200_u64 {
        for length in 0..=104 {
            assert!(sender.push(&[round], &bytes[..length]), "{round} {length}");
            assert!(sender.publish());
            assert_eq!(pop(&mut receiver), Some((round, bytes[..length].to_vec())));
            receiver.release();
        }
    }
}

#[test]
fn a_ring_is_filled_to_the_last_word_and_no_further() {
    let (mut sender, mut receiver) = ring(64);
    assert!(sender.push(&[1], &[7; 8]), "three words");
    assert!(!sender.push(&[1], &[7; 25]), "six words");
    assert!(sender.push(&[2], &[8; 24]), "five words");
    assert!(!sender.push(&[], &[]), "no word is left");
    sender.publish();
    assert_eq!(pop(&mut receiver), Some((1, vec![7; 8])));
    assert!(!sender.push(&[], &[]), "not given back yet");
    receiver.release();
    assert!(sender.push(&[3], &[9; 2]));
    assert!(!sender.push(&[], &[]));
    sender.publish();
    assert_eq!(pop(&mut receiver), Some((2, vec![8; 24])));
    assert_eq!(pop(&mut receiver), Some((3, vec![9; 2])));
    assert_eq!(pop(&mut receiver), None);
    assert!(receiver.is_empty());
    assert!(!sender.push(&[], &[0; 64]), "longer than the ring, even when it is empty");
}

#[test]
fn nothing_is_seen_before_it_is_published() {
    let (mut sender, mut receiver) = ring(256);
    assert!(!sender.publish(), "nothing to show");
    assert!(sender.push(&[1], b"one") && sender.push(&[2], b"two"));
    assert!(receiver.is_empty());
    assert_eq!(pop(&mut receiver), None);
    assert!(sender.publish());
    assert!(!receiver.is_empty());
    assert!(!sender.publish());
    assert_eq!([pop(&mut receiver), pop(&mut receiver)].map(|found| found.unwrap().0), [1, 2]);
}

#[test]
fn a_packet_that_does_not_fit_a_frame_is_not_copied() {
    let (mut sender, mut receiver) = ring(256);
    assert!(sender.push(&[1, 2], &[5; 20]));
    sender.publish();
    let record = receiver.pop().unwrap();
    let mut small = [0; 19];
    assert_eq!((record.copy_to(&mut small), small), (None, [0; 19]));
    assert_eq!(
        [record.head(0), record.head(1), record.head(2)],
        [1, 2, 0],
        "no byte of the packet is a head"
    );
    assert_eq!(format!("{record:?}"), "Record { length: 20, .. }");
}

#[test]
fn two_threads_pass_every_packet_once_and_in_order() {
    const PACKETS: u64 = 100_000;
    let length = |number: u64| (number * 37 % 300) as usize;
    let (mut sender, mut receiver) = ring(4096);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut bytes = vec![0; 300];
            for number in 0..PACKETS {
                bytes.fill(number as u8);
                while !sender.push(&[number, !number], &bytes[..length(number)]) {
                    sender.publish();
                    std::thread::yield_now();
                }
                if number % 5 == 0 {
                    sender.publish();
                }
            }
            sender.publish();
        });
        let mut expected = 0;
        while expected < PACKETS {
            while let Some((number, bytes)) = pop(&mut receiver) {
                assert_eq!((number, bytes.len()), (expected, length(expected)));
                assert!(bytes.iter().all(|byte| *byte == number as u8), "{number}");
                expected += 1;
            }
            receiver.release();
            std::thread::yield_now();
        }
    });
    assert!(receiver.is_empty());
}
