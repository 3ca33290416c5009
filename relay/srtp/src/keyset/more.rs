// SPDX-License-Identifier: MIT OR Apache-2.0
use culvert_secret::Secret;

use super::SessionKeys;
use crate::extension_keys::ExtensionKeys;
use crate::header_protection::HeaderProtection;
#[cfg(test)]
use crate::kdf::ExtensionMaterial;
use crate::{KeyError, KeySet, MasterKey, Path, Suite};

/// What few sets have, and no packet of the others needs.
#[derive(Default)]
pub(super) struct More {
    /// The keys behind the first.
    pub(super) others: Box<[Secret<SessionKeys>]>,
    /// The keys of RFC 6904, by the position of their master key. Empty where the set was made without.
    extensions: Box<[ExtensionKeys]>,
}

impl More {
    pub(super) fn of(others: Box<[Secret<SessionKeys>]>) -> Option<Secret<More>> {
        (!others.is_empty()).then(|| Secret::new(More { others, ..More::default() }))
    }
}

impl KeySet {
    /// As [`with_path`](Self::with_path), and derives the keys of header extensions (RFC 6904) too, which take a kilobyte
    /// and more for each master key. A context that encrypts extension elements needs them: see
    /// [`HeaderProtection`].
    ///
    /// # Errors
    /// As [`with_path`](Self::with_path).
    pub fn with_extension_keys(
        suite: Suite,
        keys: &[MasterKey],
        path: Path,
    ) -> Result<Secret<KeySet>, KeyError> {
        let mut set = Self::with_path(suite, keys, path)?;
        if suite.encrypts() {
            let derive = |key| ExtensionKeys::derive(path, key).ok_or(KeyError::PathUnavailable { path });
            set.add_extensions(keys.iter().map(derive).collect::<Result<_, _>>()?);
        }
        Ok(set)
    }

    fn add_extensions(&mut self, extensions: Box<[ExtensionKeys]>) {
        if !extensions.is_empty() {
            self.more.get_or_insert_default().extensions = extensions;
        }
    }

    /// Extension keys that no master key derives to.
    #[cfg(test)]
    pub(crate) fn add_extension_material(&mut self, path: Path, material: &[ExtensionMaterial]) {
        let suite = self.suite;
        self.add_extensions(
            material.iter().filter_map(|material| ExtensionKeys::new(path, suite, material)).collect(),
        );
    }

    /// What the set's context does to headers. `None` where it leaves them alone.
    #[inline(always)]
    pub(crate) fn protection(&self) -> Option<&HeaderProtection> {
        self.protection.as_deref()
    }

    pub(crate) fn set_protection(&mut self, protection: HeaderProtection) {
        self.protection = protection.boxed();
    }

    /// Follows another set in its context.
    pub(crate) fn take_protection_of(&mut self, before: &mut KeySet) {
        self.protection = before.protection.take();
    }

    pub(super) fn others(&self) -> &[Secret<SessionKeys>] {
        self.more.as_deref().map(|more| &*more.others).unwrap_or_default()
    }

    /// The extension keys of the master key at a position. `None` where the set was made without.
    pub(crate) fn extension_keys(&self, position: u8) -> Option<&ExtensionKeys> {
        self.more.as_deref()?.extensions.get(usize::from(position))
    }
}
