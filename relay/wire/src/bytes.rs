// SPDX-License-Identifier: MIT OR Apache-2.0

/// Bytes of a packet, read by copying fixed-size pieces out of it.
///
/// Implemented for `&[u8]` here, and by the XDP program for the memory between `data` and `data_end`.
pub trait Bytes: Copy {
    /// Number of bytes.
    fn length(self) -> usize;

    /// The `N` bytes from `offset` on, or `None` when they are not all there.
    fn array<const N: usize>(self, offset: usize) -> Option<[u8; N]>;
}

impl Bytes for &[u8] {
    #[inline(always)]
    fn length(self) -> usize {
        self.len()
    }

    #[inline(always)]
    fn array<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.get(offset..)?.first_chunk().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn array_reads_only_what_is_there() {
        let bytes: &[u8] = &[1, 2, 3, 4];
        assert_eq!(bytes.length(), 4);
        assert_eq!(bytes.array::<4>(0), Some([1, 2, 3, 4]));
        assert_eq!(bytes.array::<2>(2), Some([3, 4]));
        assert_eq!(bytes.array::<2>(3), None);
        assert_eq!(bytes.array::<0>(4), Some([]));
        assert_eq!(bytes.array::<0>(5), None);
        assert_eq!(bytes.array::<1>(usize::MAX), None);
    }
}
