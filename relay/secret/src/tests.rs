// SPDX-License-Identifier: MIT OR Apache-2.0
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use proptest::prelude::*;

use crate::region::{Purpose, Region};
use crate::slots::Slots;
use crate::*;

/// What the arena holds is the whole process': tests that count take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Addresses, flags and locked bytes of the mappings of this process.
fn mappings() -> Vec<(std::ops::Range<usize>, String, usize)> {
    let text = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut all = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().unwrap();
        match first {
            "VmFlags:" => all.last_mut().map(|(_, flags, _)| *flags = words.collect::<Vec<_>>().join(" ")),
            "Locked:" => all
                .last_mut()
                .map(|(_, _, locked)| *locked = words.next().unwrap().parse::<usize>().unwrap() << 10),
            _ => {
                if let Some((start, end)) = first.split_once('-') {
                    let number = |digits| usize::from_str_radix(digits, 16).unwrap();
                    all.push((number(start)..number(end), String::new(), 0));
                }
                None
            }
        };
    }
    all
}

fn mapping(address: usize) -> (std::ops::Range<usize>, String, usize) {
    mappings().into_iter().find(|(range, ..)| range.contains(&address)).unwrap()
}

#[test]
fn keys_are_locked_and_neither_in_core_dumps_nor_in_children() {
    let _turn = alone();
    let locked = check().is_ok();
    let secret = Secret::new([0xa5_u8; 100]);
    let address = (&raw const *secret).addr();
    let (range, flags, bytes) = mapping(address);
    let has = |flag| flags.split(' ').any(|one| one == flag);
    assert!(has("dd") && has("dc"), "{flags}");
    assert_eq!((has("lo"), bytes), (locked, if locked { range.len() } else { 0 }));
    assert_eq!(address % 32, 0);
    // The guards.
    for outside in [range.start - 1, range.end] {
        let (_, flags, _) = mapping(outside);
        assert!(!flags.split(' ').any(|flag| ["rd", "wr"].contains(&flag)), "{flags}");
    }
}

#[test]
fn buffers_are_not_in_core_dumps_and_stay_for_children() {
    let region = Region::map(100, 64, Purpose::Buffers).unwrap();
    let (_, flags, locked) = mapping(region.address());
    let has = |flag| flags.split(' ').any(|one| one == flag);
    assert!(has("dd") && !has("dc") && !has("lo") && locked == 0, "{flags}");
}

#[test]
fn the_stack_of_a_thread_is_left_out_of_core_dumps() {
    let here = || {
        let local = 0_u8;
        mapping((&raw const local).addr()).1
    };
    std::thread::spawn(move || {
        assert!(!here().contains("dd"), "{}", here());
        keep_stack_out_of_dumps().unwrap();
        assert!(here().split(' ').any(|flag| flag == "dd"), "{}", here());
    })
    .join()
    .unwrap();
}

#[test]
fn debug_shows_nothing() {
    let bytes = SecretBytes::from(vec![0xa5; 3]);
    assert_eq!(format!("{:?} {bytes:?}", Secret::new([0xa5_u8; 3])), "Secret(..) SecretBytes(..)");
    assert_eq!(bytes[..], [0xa5; 3]);
}

#[test]
fn a_value_is_dropped_once_and_its_slot_erased() {
    thread_local!(static DROPPED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
    struct Loud([u8; 24]);
    impl Drop for Loud {
        fn drop(&mut self) {
            DROPPED.with_borrow_mut(|dropped| dropped.push(self.0[23]));
        }
    }
    let _turn = alone();
    let mut secret = Secret::build(|| Loud([1; 24]));
    secret.0[23] = 9;
    let address = (&raw const *secret).addr();
    drop(secret);
    assert_eq!(DROPPED.take(), [9]);
    // The slot is the next to be given out, and the whole of it is zeros.
    let next = SecretBytes::zeroed(32);
    assert_eq!((next.as_ptr().addr(), &next[..]), (address, &[0; 32][..]));
}

#[test]
fn a_panic_on_the_way_leaves_no_slot_behind() {
    let _turn = alone();
    let before = usage().in_use;
    let result = std::panic::catch_unwind(|| Secret::<u8>::build(|| panic!("on purpose")));
    assert!(result.is_err());
    assert_eq!(usage().in_use, before);
    assert_eq!(Secret::<u8>::try_build(|| Err::<u8, _>("refused")).err(), Some("refused"));
    assert_eq!(usage().in_use, before);
}

#[test]
fn slots_are_an_eighth_too_big_at_most() {
    assert_eq!([0, 1, 64, 65, 512, 513, 1025].map(Slots::size), [32, 32, 64, 96, 512, 576, 1152]);
    for length in 1..200_000 {
        let size = Slots::size(length);
        let line = if length.is_multiple_of(64) { 64 } else { 32 };
        assert!(size >= length && size.is_multiple_of(line), "{length}: {size}");
        assert!(size - length <= 31.max(length / 8), "{length}: {size}");
    }
}

/// Four key sets a session, of the sizes that counter mode and GCM have. A `Box` of the system's allocator adds 8 bytes and
/// rounds up to 16.
#[test]
fn keys_of_a_hundred_thousand_sessions_are_dense() {
    let mut slots = Slots::new(Purpose::Buffers);
    for length in [160, 320, 512, 576, 704, 1000, 1088] {
        let before = slots.usage();
        let mut addresses = Vec::new();
        for _ in 0..100_000 {
            addresses.push(slots.allocate(length).unwrap().addr().get());
        }
        let after = slots.usage();
        let mapped = after.unlocked - before.unlocked;
        let boxed = (length + 8).next_multiple_of(16) * addresses.len();
        // 2 MiB: the region that is not yet full.
        assert!(mapped <= boxed + boxed / 12 + (2 << 20), "{length}: {mapped} bytes against {boxed}");
        for address in addresses {
            slots.free(address, length);
        }
        assert_eq!(slots.usage().in_use, 0);
        // All that is free serves every size again.
        slots = Slots::new(Purpose::Buffers);
    }
}

#[test]
fn what_is_free_serves_other_sizes() {
    let mut slots = Slots::new(Purpose::Buffers);
    for length in [64, 640, 64 << 10] {
        let fill: Vec<_> = (0..(2 << 20) / (64 << 10) * ((64 << 10) / length))
            .map(|_| slots.allocate(length).unwrap().addr().get())
            .collect();
        assert_eq!(slots.usage().unlocked, 2 << 20, "{length}");
        fill.into_iter().for_each(|address| slots.free(address, length));
    }
    let large = slots.allocate((64 << 10) + 1).unwrap().addr().get();
    assert!(slots.usage().unlocked > 2 << 20);
    slots.free(large, (64 << 10) + 1);
    assert_eq!((slots.usage().unlocked, slots.usage().in_use), (2 << 20, 0));
}

proptest! {
    #[test]
    fn slots_never_overlap(steps in prop::collection::vec((any::<bool>(), 0..5000_usize), 1..400)) {
        let mut slots = Slots::new(Purpose::Buffers);
        let mut live: BTreeMap<usize, usize> = BTreeMap::new();
        for (free, length) in steps {
            if free && !live.is_empty() {
                let address = *live.keys().nth(length % live.len()).unwrap();
                slots.free(address, live.remove(&address).unwrap());
            } else {
                let address = slots.allocate(length).unwrap().addr().get();
                let end = address + Slots::size(length);
                prop_assert_eq!(address % if Slots::size(length).is_multiple_of(64) { 64 } else { 32 }, 0);
                if let Some((before, length)) = live.range(..=address).next_back() {
                    prop_assert!(before + Slots::size(*length) <= address);
                }
                if let Some((behind, _)) = live.range(address..).next() {
                    prop_assert!(end <= *behind);
                }
                live.insert(address, length);
            }
            let in_use: usize = live.values().map(|length| Slots::size(*length)).sum();
            prop_assert_eq!(slots.usage().in_use, in_use);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Every thread finds in its secrets what it has put there, some of them made by another thread, and leaves nothing.
    #[test]
    fn threads_do_not_disturb_each_other(lengths in prop::collection::vec(0..3000_usize, 100..200)) {
        let _turn = alone();
        let before = usage().in_use;
        let (give, take) = std::sync::mpsc::channel::<(u8, SecretBytes)>();
        std::thread::scope(|scope| {
            for thread in 0..8_u8 {
                let (give, lengths) = (give.clone(), &lengths);
                scope.spawn(move || {
                    let mut held = Vec::new();
                    for (turn, length) in lengths.iter().enumerate() {
                        let mut bytes = SecretBytes::zeroed(*length);
                        assert!(bytes.iter().all(|byte| *byte == 0), "not erased");
                        bytes.fill(thread + 1);
                        match turn % 3 {
                            0 => drop(bytes),
                            1 => held.push(bytes),
                            _ => give.send((thread + 1, bytes)).unwrap(),
                        }
                    }
                    assert!(held.iter().all(|bytes| bytes.iter().all(|byte| *byte == thread + 1)));
                });
            }
            drop(give);
            for (mark, bytes) in take {
                assert!(bytes.iter().all(|byte| *byte == mark));
            }
        });
        prop_assert_eq!(usage().in_use, before);
    }
}

/// Memory of this process, whoever it belongs to.
fn peek(address: usize, length: usize) -> Vec<u8> {
    use std::os::unix::fs::FileExt as _;
    let mut bytes = vec![0; length];
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    memory.read_exact_at(&mut bytes, address as u64).unwrap();
    bytes
}

#[test]
#[expect(unsafe_code, reason = "calls an allocator")]
fn what_is_freed_is_erased() {
    use std::alloc::{GlobalAlloc as _, Layout};
    for align in [1, 8, 64] {
        let layout = Layout::from_size_align(1000, align).unwrap();
        // SAFETY: the layout has a size; what is written is what was given, and nothing is used after it is given up.
        let (old, new) = unsafe {
            let old = ErasingAllocator.alloc(layout);
            old.write_bytes(0xa5, 1000);
            let new = ErasingAllocator.realloc(old, layout, 5000);
            (old, new)
        };
        assert_eq!(peek(new.addr(), 1000), [0xa5; 1000]);
        assert!(mapping(new.addr()).1.contains("dd") == (align == 1), "{align}");
        // The system's allocator puts notes of its own at the start.
        assert_eq!(peek(old.addr() + 64, 900), [0; 900], "{align}");
        // SAFETY: as above.
        unsafe { ErasingAllocator.dealloc(new, Layout::from_size_align(5000, align).unwrap()) };
        assert!(peek(new.addr() + 64, 900).iter().all(|byte| *byte != 0xa5), "{align}");
    }
}

#[test]
fn what_calls_leave_on_the_stack_is_overwritten() {
    #[inline(never)]
    fn leave() -> usize {
        let secret = std::hint::black_box([0xa5_u8; 4096]);
        (&raw const secret).addr()
    }
    let left = leave();
    assert!(peek(left, 4096).iter().filter(|byte| **byte == 0xa5).count() > 1000);
    let left = scrubbed(leave);
    assert!(peek(left, 4096).iter().filter(|byte| **byte == 0xa5).count() < 100);
}

#[test]
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "writes and reads registers")]
fn vector_registers_are_cleared() {
    use std::arch::asm;
    let mut low = [0xa5_u8; 16];
    // SAFETY: loads a register that the calling convention lets anybody change.
    unsafe { asm!("movdqu xmm7, [{0}]", in(reg) &raw const low, out("xmm7") _, options(nostack)) };
    scrub_registers();
    // SAFETY: stores a register to an array of its size.
    unsafe { asm!("movdqu [{0}], xmm7", in(reg) &raw mut low, options(nostack)) };
    assert_eq!(low, [0; 16]);
    if is_x86_feature_detected!("avx512f") {
        let mut wide = [0xa5_u8; 64];
        // SAFETY: the processor has the register, which code without the feature does not use.
        unsafe { asm!("vmovdqu64 zmm30, [{0}]", in(reg) &raw const wide, options(nostack)) };
        scrub_registers();
        // SAFETY: as above, to an array of its size.
        unsafe { asm!("vmovdqu64 [{0}], zmm30", in(reg) &raw mut wide, options(nostack)) };
        assert_eq!(wide, [0; 64]);
    }
}
