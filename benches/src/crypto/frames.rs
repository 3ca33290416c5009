// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packet memory as a relay has it: frames of one size, the UDP payload behind head room and headers.

/// Packets between two looks at the clock: the largest burst, so that a part is one call or many.
pub const PART: usize = 64;
/// From one frame to the next.
pub const FRAME: usize = 2048;
/// Where the UDP payload begins: head room of AF_XDP, then Ethernet, IPv4 and UDP.
pub const START: usize = 256 + 42;
/// Behind the packet: more than any tag, as libsrtp wants it.
pub const TAIL: usize = 144;

/// The frames of a part.
#[repr(C, align(4096))]
pub struct Frames([[u8; FRAME]; PART]);

impl std::fmt::Debug for Frames {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Frames").finish_non_exhaustive()
    }
}

impl Default for Frames {
    fn default() -> Self {
        Frames([[0; FRAME]; PART])
    }
}

impl Frames {
    /// Each packet's place in its frame, with the room behind it.
    pub fn buffers(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.0.iter_mut().map(|frame| &mut frame[START..])
    }

    /// The first `length` bytes of a packet's place.
    pub fn packet(&self, number: usize, length: usize) -> &[u8] {
        &self.0[number][START..START + length]
    }

    /// The same, to be changed.
    pub fn packet_mut(&mut self, number: usize, length: usize) -> &mut [u8] {
        &mut self.0[number][START..START + length]
    }
}

/// What is known of the packet in a frame.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Slot {
    /// Its bytes; 0 when a contender has refused it.
    pub length: usize,
    /// Whose it is.
    pub stream: u32,
}
