// SPDX-License-Identifier: MIT OR Apache-2.0
#![expect(unsafe_code, reason = "system calls that take addresses")]

use std::hint::black_box;
use std::io;
use std::mem::MaybeUninit;

use crate::region::page_size;
use crate::scrub_registers;

/// As deep as calls go that handle keys, with room to spare in builds without optimisation.
const DEPTH: usize = 64 << 10;

/// Overwrites the 64 KiB of stack below the caller, where what it called has left parts of keys, and the vector registers.
/// To be called by the function that called those that saw the key, or by one further up.
#[inline(never)]
pub fn scrub_stack() {
    let mut below = [0_u8; DEPTH];
    // The array must be there, and be zeros, for whoever might look at it here.
    black_box(&mut below);
    scrub_registers();
}

/// Does something with keys and clears the stack and the registers behind it.
pub fn scrubbed<T>(work: impl FnOnce() -> T) -> T {
    // Inlined, its variables would not be below this frame.
    #[inline(never)]
    fn below<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    let done = below(work);
    scrub_stack();
    done
}

/// Leaves the stack of this thread out of core dumps, for as long as the thread lives. To be called first thing in it.
///
/// # Errors
/// The system's, when it does not say where the stack is, or refuses the advice.
pub fn keep_stack_out_of_dumps() -> io::Result<()> {
    let (address, length) = stack()?;
    let page = page_size();
    let start = address - address % page;
    let end = (address + length).next_multiple_of(page);
    // SAFETY: the advice does not change what is in the pages.
    let advised =
        unsafe { libc::madvise(std::ptr::without_provenance_mut(start), end - start, libc::MADV_DONTDUMP) };
    match io::Error::last_os_error() {
        _ if advised == 0 => Ok(()),
        // The main thread's stack has yet to grow into all of its range; what is there has been advised, and what grows
        // from it is like it.
        error if error.raw_os_error() == Some(libc::ENOMEM) => Ok(()),
        error => Err(error),
    }
}

/// Lowest address and length of this thread's stack.
fn stack() -> io::Result<(usize, usize)> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: fills the structure, of the calling thread.
    let code = unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) };
    if code != 0 {
        return Err(io::Error::from_raw_os_error(code));
    }
    let mut address = std::ptr::null_mut();
    let mut length = 0;
    // SAFETY: the call above has filled the structure, which is used and then given up.
    let code = unsafe {
        let code = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut address, &raw mut length);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        code
    };
    if code != 0 { Err(io::Error::from_raw_os_error(code)) } else { Ok((address.addr(), length)) }
}
