// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stands in for the x86-64 kernels elsewhere: types without values.

use core::convert::Infallible;

use super::{At, Message, Work};
use crate::Path;
use crate::cipher::hmac::HmacKey;
use crate::session::Position;

/// A path beside the portable one: here there is none.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Machine(Infallible);

/// Would ask for a value ahead of time.
pub(crate) fn prefetch<T>(_value: &T) {}

/// A key that cannot be.
pub(crate) struct CounterKey(Infallible);

/// A key that cannot be.
pub(crate) struct GcmKey(Infallible);

impl Machine {
    pub(crate) fn of(_path: Path) -> Option<Machine> {
        None
    }

    pub(crate) fn counter_key(self, _key: &[u8], _hmac: HmacKey, _salt: [u8; 14]) -> CounterKey {
        match self.0 {}
    }

    pub(crate) fn gcm_key(self, _key: &[u8], _salt: [u8; 12]) -> GcmKey {
        match self.0 {}
    }

    pub(crate) fn tags(self, _messages: &[Message<'_>], _tags: &mut [[u8; 20]]) {
        match self.0 {}
    }

    pub(crate) fn gcm_tag(
        self,
        _key: &GcmKey,
        _position: Position,
        _aad: &[u8],
        _payload: &[u8],
    ) -> [u8; 16] {
        match self.0 {}
    }

    pub(crate) fn xor(self, _at: At<'_>, _payload: &mut [u8]) {
        match self.0 {}
    }

    pub(crate) fn transform(self, _job: &mut Work<'_, '_>) {
        match self.0 {}
    }
}

impl CounterKey {
    pub(crate) fn hmac(&self) -> &HmacKey {
        match self.0 {}
    }
}
