// SPDX-License-Identifier: MIT OR Apache-2.0

use core::arch::asm;

use aya_ebpf::programs::XdpContext;
use culvert_wire::Bytes;

/// Further than any header goes. The verifier wants a bound before it takes an offset.
const FURTHEST: usize = 0xfff;

/// The bytes of the packet that is being looked at.
#[derive(Clone, Copy)]
pub(crate) struct Packet {
    start: usize,
    end: usize,
}

impl Packet {
    #[inline(always)]
    pub(crate) fn new(context: &XdpContext) -> Self {
        Self { start: context.data(), end: context.data_end() }
    }
}

impl Bytes for Packet {
    #[inline(always)]
    fn length(self) -> usize {
        self.end - self.start
    }

    #[inline(always)]
    fn array<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        if offset > FURTHEST {
            return None;
        }
        let at = self.start + offset;
        if opaque(at + N) > self.end {
            return None;
        }
        // SAFETY: the kernel keeps the bytes between start and end there and unchanged while the program runs,
        // and those from `at` on have just been compared with the end.
        Some(unsafe { (at as *const [u8; N]).read() })
    }
}

/// The value, as something the compiler knows nothing about.
///
/// It would turn `at + 1 > end` into `at >= end`, from which the verifier concludes nothing.
#[inline(always)]
fn opaque(mut value: usize) -> usize {
    // SAFETY: no instruction; the value is left as it is.
    unsafe { asm!("/* {} */", inout(reg) value, options(pure, nomem, nostack, preserves_flags)) };
    value
}
