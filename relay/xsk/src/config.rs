// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{KERNEL_HEADROOM, XskError};

/// Shape of a packet memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UmemConfig {
    /// Number of frames; all fill rings, transmit rings and bursts in hand live on them.
    pub frames: u32,
    /// Bytes of one frame: 2048 or 4096.
    pub frame_size: u32,
    /// Bytes kept free before a received packet, besides [`KERNEL_HEADROOM`].
    pub headroom: u32,
    /// What pages it is on.
    pub huge_pages: HugePages,
}

impl Default for UmemConfig {
    fn default() -> UmemConfig {
        UmemConfig { frames: 8192, frame_size: 2048, headroom: 0, huge_pages: HugePages::default() }
    }
}

/// Whether packet memory is on huge pages of 2 MiB, of which the processor remembers more than of 4 KiB ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HugePages {
    /// On huge pages where the system has set enough aside (`vm.nr_hugepages`), else on ordinary ones.
    Try,
    /// On ordinary pages.
    #[default]
    Never,
}

impl UmemConfig {
    /// Bytes of the whole memory.
    pub(crate) fn bytes(&self) -> Result<usize, XskError> {
        if !matches!(self.frame_size, 2048 | 4096) {
            return Err(XskError::FrameSize { frame_size: self.frame_size });
        }
        if self.headroom >= self.frame_size - KERNEL_HEADROOM {
            return Err(XskError::Headroom { headroom: self.headroom, frame_size: self.frame_size });
        }
        (self.frames as usize)
            .checked_mul(self.frame_size as usize)
            .filter(|&bytes| bytes > 0 && bytes <= isize::MAX as usize)
            .ok_or(XskError::Frames { frames: self.frames })
    }
}

/// Entries per ring; rounded up to powers of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingSizes {
    /// Packets received and not yet taken.
    pub receive: u32,
    /// Packets queued and not yet sent.
    pub transmit: u32,
    /// Free frames handed to the kernel to receive into.
    pub fill: u32,
    /// Sent frames not yet taken back.
    pub completion: u32,
}

impl Default for RingSizes {
    fn default() -> RingSizes {
        RingSizes { receive: 2048, transmit: 2048, fill: 2048, completion: 2048 }
    }
}

impl RingSizes {
    pub(crate) fn rounded(self) -> Result<RingSizes, XskError> {
        let round = |ring, entries: u32| {
            entries.max(1).checked_next_power_of_two().ok_or(XskError::RingSize { ring, entries })
        };
        Ok(RingSizes {
            receive: round("receive", self.receive)?,
            transmit: round("transmit", self.transmit)?,
            fill: round("fill", self.fill)?,
            completion: round("completion", self.completion)?,
        })
    }
}

/// Whether to ask the driver to work on the packet memory directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ZeroCopy {
    /// Zero copy where the driver can, copy mode otherwise.
    ///
    /// The first socket of a UMEM decides for all of them: the kernel lets sockets that share a UMEM have one mode.
    #[default]
    Try,
    /// Copy mode.
    Never,
}

/// Which queue a socket binds, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketConfig {
    /// Kernel index of the interface.
    pub interface_index: u32,
    /// Its name, for errors.
    pub interface_name: String,
    /// Receive and transmit queue, from 0.
    pub queue: u32,
    /// Entries of the four rings.
    pub rings: RingSizes,
    /// Zero copy or copy mode.
    pub zero_copy: ZeroCopy,
    /// Frames the kernel moves per system call in copy mode, cut to 32..=transmit ring. None, and kernels before 6.17:
    /// 32.
    pub transmit_budget: Option<u32>,
    /// Longest time in microseconds that one look at the rings spends in the driver's receive path instead of waiting for
    /// its interrupts (`SO_PREFER_BUSY_POLL`, since Linux 5.11); 0: none.
    pub busy_poll: u32,
}

impl SocketConfig {
    /// A queue with the default rings and zero copy where possible.
    pub fn new(interface_index: u32, interface_name: impl Into<String>, queue: u32) -> SocketConfig {
        SocketConfig {
            interface_index,
            interface_name: interface_name.into(),
            queue,
            rings: RingSizes::default(),
            zero_copy: ZeroCopy::default(),
            transmit_budget: None,
            busy_poll: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_to_powers_of_two() {
        let sizes = RingSizes { receive: 511, transmit: 512, fill: 513, completion: 0 };
        assert_eq!(
            sizes.rounded().unwrap(),
            RingSizes { receive: 512, transmit: 512, fill: 1024, completion: 1 }
        );
        let huge = RingSizes { fill: u32::MAX, ..sizes };
        assert!(matches!(huge.rounded(), Err(XskError::RingSize { ring: "fill", entries: u32::MAX })));
    }

    #[test]
    fn impossible_memories_are_refused() {
        let good = UmemConfig { frames: 3, frame_size: 2048, headroom: 64, ..UmemConfig::default() };
        assert_eq!(good.bytes().unwrap(), 6144);
        assert!(matches!(UmemConfig { frames: 0, ..good }.bytes(), Err(XskError::Frames { frames: 0 })));
        for frame_size in [0, 1024, 2047, 8192] {
            assert!(matches!(UmemConfig { frame_size, ..good }.bytes(), Err(XskError::FrameSize { .. })));
        }
        assert!(matches!(UmemConfig { headroom: 1792, ..good }.bytes(), Err(XskError::Headroom { .. })));
        assert!(UmemConfig { headroom: 1791, ..good }.bytes().is_ok());
    }
}
