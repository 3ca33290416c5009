// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rings on memory that no kernel looks at: the other side is played by hand.

use super::*;

const OFFSETS: Offsets = Offsets { producer: 0, consumer: 64, desc: 192, flags: 128 };

/// The kernel's end of a ring in the same memory.
struct Other {
    base: NonNull<u8>,
}

impl Other {
    fn cursor(&self, offset: u64) -> &AtomicU32 {
        // SAFETY: the mapping has at least the 192 bytes before the entries, and outlives this in every test.
        unsafe { self.base.add(offset as usize).cast::<AtomicU32>().as_ref() }
    }
    fn entry(&self, index: usize) -> *mut u64 {
        // SAFETY: tests stay below the size of the ring.
        unsafe { self.base.add(OFFSETS.desc as usize).cast::<u64>().add(index).as_ptr() }
    }
    fn read(&self, index: usize) -> u64 {
        // SAFETY: as in `entry`; single-threaded.
        unsafe { self.entry(index).read() }
    }
    fn write(&self, index: usize, value: u64) {
        // SAFETY: as in `entry`; single-threaded.
        unsafe { self.entry(index).write(value) }
    }
    fn set(&self, offset: u64, value: u32) {
        self.cursor(offset).store(value, Ordering::Release);
    }
    fn get(&self, offset: u64) -> u32 {
        self.cursor(offset).load(Ordering::Acquire)
    }
}

fn memory(size: u32, start: u32) -> (Mapping, Other) {
    let memory = Mapping::anonymous(mapping_length::<u64>(&OFFSETS, size)).unwrap();
    let other = Other { base: memory.address() };
    other.set(OFFSETS.producer, start);
    other.set(OFFSETS.consumer, start);
    (memory, other)
}

fn producer(size: u32, start: u32) -> (Producer<u64>, Other) {
    let (memory, other) = memory(size, start);
    (Producer::new(memory, &OFFSETS, size).unwrap(), other)
}

fn consumer(size: u32, start: u32) -> (Consumer<u64>, Other) {
    let (memory, other) = memory(size, start);
    (Consumer::new(memory, &OFFSETS, size).unwrap(), other)
}

#[test]
fn a_producer_fills_the_ring_to_the_last_entry() {
    let (mut ring, kernel) = producer(4, 0);
    assert_eq!(ring.free(4), 4);
    assert!((10..14).all(|entry| ring.push(entry)));
    assert!(!ring.push(14), "a fifth entry fits four places");
    assert_eq!(kernel.get(OFFSETS.producer), 0, "published too early");
    assert_eq!(ring.unconsumed(), 4);
    ring.publish();
    assert_eq!(kernel.get(OFFSETS.producer), 4);
    assert_eq!((0..4).map(|index| kernel.read(index)).collect::<Vec<_>>(), [10, 11, 12, 13]);

    kernel.set(OFFSETS.consumer, 1);
    assert_eq!((ring.unconsumed(), ring.free(1)), (3, 1));
    assert!(ring.push(14));
    assert!(!ring.push(15));
    assert_eq!(kernel.read(0), 14);
    kernel.set(OFFSETS.consumer, 5);
    assert_eq!((ring.unconsumed(), ring.free(4)), (0, 4));
}

#[test]
fn a_producer_looks_at_the_other_cursor_only_when_it_must() {
    let (mut ring, kernel) = producer(4, 0);
    assert!(ring.push(1) && ring.push(2));
    kernel.set(OFFSETS.consumer, 2);
    assert_eq!(ring.free(2), 2, "two were known to be free");
    assert_eq!(ring.free(3), 4);
}

#[test]
fn a_consumer_reads_to_the_last_entry() {
    let (mut ring, kernel) = consumer(4, 0);
    assert_eq!((ring.available(1), ring.pop()), (0, None));
    (0..4).for_each(|index| kernel.write(index, 20 + index as u64));
    kernel.set(OFFSETS.producer, 4);
    assert_eq!(ring.available(4), 4);
    assert_eq!([ring.pop(), ring.pop(), ring.pop()], [Some(20), Some(21), Some(22)]);
    assert_eq!(kernel.get(OFFSETS.consumer), 0, "released too early");
    ring.release();
    assert_eq!(kernel.get(OFFSETS.consumer), 3);
    assert_eq!([ring.pop(), ring.pop()], [Some(23), None]);
    ring.release();
    assert_eq!(kernel.get(OFFSETS.consumer), 4);
}

#[test]
fn a_producer_goes_on_past_the_wrap_of_its_cursors() {
    let start = u32::MAX - 5;
    let (mut ring, kernel) = producer(8, start);
    assert_eq!(ring.free(8), 8);
    for step in 0..24_u32 {
        assert!(ring.push(u64::from(step)), "step {step}");
        ring.publish();
        let place = start.wrapping_add(step) as usize % 8;
        assert_eq!(kernel.read(place), u64::from(step));
        assert_eq!(kernel.get(OFFSETS.producer), start.wrapping_add(step + 1));
        kernel.set(OFFSETS.consumer, start.wrapping_add((step + 1).saturating_sub(7)));
        assert_eq!(ring.unconsumed(), (step + 1).min(7));
    }
    assert_eq!(ring.free(8), 1);
    assert!(ring.push(99));
    assert!(!ring.push(100), "full on the far side of the wrap");
}

#[test]
fn a_consumer_goes_on_past_the_wrap_of_its_cursors() {
    let start = u32::MAX - 2;
    let (mut ring, kernel) = consumer(4, start);
    for step in 0..12_u32 {
        let cursor = start.wrapping_add(step);
        kernel.write(cursor as usize % 4, u64::from(step) + 7);
        kernel.set(OFFSETS.producer, cursor.wrapping_add(1));
        assert_eq!(ring.available(4), 1, "step {step}");
        assert_eq!(ring.pop(), Some(u64::from(step) + 7));
        assert_eq!(ring.pop(), None);
        ring.release();
        assert_eq!(kernel.get(OFFSETS.consumer), cursor.wrapping_add(1));
    }
}

#[test]
fn a_ring_can_be_watched_from_elsewhere_until_it_is_gone() {
    let start = u32::MAX - 1;
    let (mut ring, kernel) = producer(4, start);
    let watch = ring.watch();
    let used = || watch.occupancy().map(|found| (found.used, found.size));
    assert_eq!(used(), Some((0, 4)));
    assert!((0..3).all(|entry| ring.push(entry)));
    assert_eq!(used(), Some((0, 4)), "not published");
    ring.publish();
    assert_eq!(used(), Some((3, 4)), "past the wrap");
    kernel.set(OFFSETS.consumer, start.wrapping_add(2));
    assert_eq!(std::thread::scope(|scope| scope.spawn(used).join().unwrap()), Some((1, 4)));
    // As a glance between two stores of the kernel may find it.
    kernel.set(OFFSETS.consumer, start.wrapping_sub(5));
    assert_eq!(used(), Some((4, 4)));
    drop(ring);
    assert_eq!(used(), None);

    let (ring, kernel) = consumer(8, start);
    let watch = ring.watch();
    kernel.set(OFFSETS.producer, start.wrapping_add(8));
    assert_eq!(watch.occupancy(), Some(RingOccupancy { used: 8, size: 8 }));
}

#[test]
fn the_wakeup_flag_is_read_each_time() {
    let (ring, kernel) = producer(2, 0);
    assert!(!ring.needs_wakeup());
    kernel.set(OFFSETS.flags, libc::XDP_RING_NEED_WAKEUP);
    assert!(ring.needs_wakeup());
    kernel.set(OFFSETS.flags, 0);
    assert!(!ring.needs_wakeup());
}

#[test]
fn a_ring_that_does_not_fit_its_memory_is_refused() {
    let refused = |offsets: &Offsets, size| {
        let memory = Mapping::anonymous(4096).unwrap();
        Producer::<u64>::new(memory, offsets, size).unwrap_err().kind() == io::ErrorKind::InvalidData
    };
    assert!(refused(&OFFSETS, 512), "192 + 512 * 8 > 4096");
    assert!(refused(&OFFSETS, 3), "not a power of two");
    assert!(refused(&Offsets { consumer: 4096, ..OFFSETS }, 4));
    assert!(refused(&Offsets { flags: 2, ..OFFSETS }, 4), "not aligned");
    assert!(refused(&Offsets { desc: u64::MAX, ..OFFSETS }, 4));
}

#[test]
fn two_threads_pass_every_entry_once_and_in_order() {
    const COUNT: u64 = 200_000;
    let (memory, kernel) = memory(16, u32::MAX - 1000);
    // Both ends are ours here, on the same memory.
    let twin = Mapping::anonymous(4096).unwrap();
    let mut from = Consumer::<u64>::new(twin, &OFFSETS, 16).unwrap();
    from.ring.producer = NonNull::from(kernel.cursor(OFFSETS.producer));
    from.ring.consumer = NonNull::from(kernel.cursor(OFFSETS.consumer));
    from.ring.entries = NonNull::new(kernel.entry(0)).unwrap();
    from.next = u32::MAX - 1000;
    from.produced = from.next;
    let mut to = Producer::<u64>::new(memory, &OFFSETS, 16).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut expected = 0;
            while expected < COUNT {
                while let Some(entry) = from.pop() {
                    assert_eq!(entry, expected);
                    expected += 1;
                }
                from.release();
                std::thread::yield_now();
            }
        });
        let mut next = 0;
        while next < COUNT {
            while next < COUNT && to.push(next) {
                next += 1;
            }
            to.publish();
            std::thread::yield_now();
        }
        while to.unconsumed() > 0 {
            std::thread::yield_now();
        }
    });
}

/// Kicks a ring of 10 entries; each kick moves as many as the next step says. Returns the kicks made.
fn kicks(limit: u32, steps: &[(u32, Option<i32>)]) -> (usize, u32, io::Result<()>) {
    let (mut ring, kernel) = producer(16, u32::MAX - 3);
    assert!((0..10).all(|entry| ring.push(entry)));
    ring.publish();
    let mut made = 0;
    let result = ring.kick_until_empty(limit, || {
        let (moved, error) = steps[made];
        made += 1;
        kernel.set(OFFSETS.consumer, kernel.get(OFFSETS.consumer).wrapping_add(moved));
        error.map_or(Ok(()), |number| Err(io::Error::from_raw_os_error(number)))
    });
    (made, ring.unconsumed(), result)
}

#[test]
fn a_full_ring_is_kicked_until_it_is_empty() {
    let again = Some(libc::EAGAIN);
    let (made, left, result) = kicks(9, &[(4, again), (4, Some(libc::EBUSY)), (2, None)]);
    assert_eq!((made, left), (3, 0));
    result.unwrap();
    let (made, left, _) = kicks(2, &[(4, again), (4, again)]);
    assert_eq!((made, left), (2, 2), "bounded");
}

#[test]
fn kicking_stops_where_the_kernel_gets_no_further() {
    for error in [libc::EAGAIN, libc::ENOBUFS, libc::EBUSY] {
        let (made, left, result) = kicks(9, &[(3, Some(error)), (0, Some(error))]);
        assert_eq!((made, left), (2, 7));
        result.unwrap();
    }
    let (made, left, _) = kicks(9, &[(0, Some(libc::EINTR)), (10, None)]);
    assert_eq!((made, left), (2, 0), "an interruption is not the end");
}

#[test]
fn an_interface_that_is_down_is_an_error() {
    let (made, left, result) = kicks(9, &[(3, Some(libc::ENETDOWN))]);
    assert_eq!((made, left, result.unwrap_err().raw_os_error()), (1, 7, Some(libc::ENETDOWN)));
}
