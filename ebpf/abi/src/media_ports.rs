// SPDX-License-Identifier: MIT OR Apache-2.0

/// UDP ports of one address that the relay has to itself: what arrives there for none of its endpoints is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct MediaPorts {
    /// First and last; one that is not used ends before it starts.
    ranges: [[u16; 2]; Self::RANGES],
}

impl MediaPorts {
    /// Most ranges of an address. Each is compared with by itself: the verifier wants to see an end of it.
    pub const RANGES: usize = 4;

    /// No port.
    pub const fn none() -> Self {
        Self { ranges: [[1, 0]; Self::RANGES] }
    }

    /// These too. `false`, and no change, when there are [`MediaPorts::RANGES`] ranges.
    pub fn add(&mut self, first: u16, last: u16) -> bool {
        match self.ranges.iter_mut().find(|[first, last]| first > last) {
            Some(free) => {
                *free = [first, last];
                true
            }
            None => false,
        }
    }

    /// Whether a port is one of them.
    #[inline(always)]
    pub const fn contains(&self, port: u16) -> bool {
        let [a, b, c, d] = self.ranges;
        within(a, port) || within(b, port) || within(c, port) || within(d, port)
    }
}

#[inline(always)]
const fn within([first, last]: [u16; 2], port: u16) -> bool {
    first <= port && port <= last
}

// SAFETY: the type is Copy, 'static and repr(C); its bytes are all initialised, and any bytes are valid for it.
#[cfg(feature = "user")]
#[expect(unsafe_code, reason = "aya reads and writes the type as bytes")]
unsafe impl aya::Pod for MediaPorts {}

#[cfg(test)]
mod tests {
    use super::MediaPorts;

    #[test]
    fn ranges_hold_their_ends_and_nothing_beside() {
        let mut ports = MediaPorts::none();
        assert!((0..=u16::MAX).all(|port| !ports.contains(port)));
        for first in [100, 200, 300, u16::MAX] {
            assert!(ports.add(first, first.saturating_add(9)));
        }
        assert!(!ports.add(1, 2));
        let found = (0..=u16::MAX).filter(|port| ports.contains(*port));
        assert!(found.eq((100..110).chain(200..210).chain(300..310).chain([u16::MAX])));
    }

    #[test]
    fn layout_is_that_of_the_kernel_map() {
        assert_eq!((size_of::<MediaPorts>(), align_of::<MediaPorts>()), (16, 2));
    }
}
