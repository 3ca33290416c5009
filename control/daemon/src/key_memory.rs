// SPDX-License-Identifier: MIT OR Apache-2.0
//! That keys stay in memory: locked, out of core dumps, off the stacks of this process's threads.

use std::sync::atomic::{AtomicBool, Ordering};

use culvert_secret::MemoryError;
use nix::sys::{
    prctl::set_dumpable,
    resource::{Resource, setrlimit},
};

/// Sees to it before there is a key or a thread but the main one. `allow_unlocked`: as `node.allow_unlocked_keys` has it.
///
/// # Errors
/// [`MemoryError`] when there is no memory for keys, or none that can be locked although it must.
pub fn prepare(allow_unlocked: bool) -> Result<(), MemoryError> {
    // Neither to a file nor, which the limit does not cover, to a program that the kernel pipes core dumps to.
    let kept_out = setrlimit(Resource::RLIMIT_CORE, 0, 0).and_then(|()| set_dumpable(false));
    if let Err(error) = kept_out {
        tracing::warn!(%error, "core dumps cannot be turned off: one would show calls and their parties");
    }
    keep_stack_out_of_dumps();
    match culvert_secret::check() {
        // Told once there are keys that it concerns.
        Err(MemoryError::NotLocked { .. }) if allow_unlocked => Ok(()),
        checked => checked,
    }
}

/// To be called first thing in every thread of the runtime.
pub fn keep_stack_out_of_dumps() {
    if let Err(error) = culvert_secret::keep_stack_out_of_dumps() {
        tracing::warn!(%error, "the stack of a thread cannot be left out of core dumps");
    }
}

/// Says once if there is memory for keys that could not be locked.
pub fn report() {
    static TOLD: AtomicBool = AtomicBool::new(false);
    let culvert_secret::Usage { locked, unlocked, .. } = culvert_secret::usage();
    if unlocked > 0 && !TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            locked,
            unlocked,
            "memory for keys cannot be locked, and may be swapped out: set LimitMEMLOCK=infinity in the systemd unit, or \
             raise `ulimit -l`"
        );
    }
}
