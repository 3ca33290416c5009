// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::TestbedError;

/// Whether this process may make namespaces.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// # Errors
/// [`TestbedError::NotRoot`].
pub fn require_root() -> Result<(), TestbedError> {
    if is_root() { Ok(()) } else { Err(TestbedError::NotRoot) }
}
