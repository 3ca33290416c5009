// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stands in for the AWS-LC FIPS module in a build without it: types without values.

use core::convert::Infallible;

use crate::Suite;
use crate::kdf::Material;
use crate::session::Position;

pub(crate) fn is_available() -> bool {
    false
}

/// A key that cannot be.
pub(crate) struct ModuleAes(Infallible);

impl ModuleAes {
    pub(crate) fn new(_key: &[u8; 32], _length: usize) -> Option<ModuleAes> {
        None
    }

    pub(crate) fn apply_keystream(&self, _counter: &[u8; 16], _data: &mut [u8]) {
        match self.0 {}
    }
}

/// Keys that cannot be.
pub(crate) struct ModuleKeys(Infallible);

impl ModuleKeys {
    pub(crate) fn new(_suite: Suite, _material: &Material) -> Option<ModuleKeys> {
        None
    }

    pub(crate) fn apply_keystream(&self, _data: &mut [u8], _position: Position) {
        match self.0 {}
    }

    pub(crate) fn seal(&self, _aad: &[u8], _data: &mut [u8], _position: Position) -> [u8; 16] {
        match self.0 {}
    }

    pub(crate) fn opens(&self, _aad: &[u8], _ciphertext: &[u8], _tag: &[u8], _position: Position) -> bool {
        match self.0 {}
    }

    pub(crate) fn hmac(&self, _message: [&[u8]; 2]) -> Option<[u8; 20]> {
        match self.0 {}
    }
}
