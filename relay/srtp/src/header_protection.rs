// SPDX-License-Identifier: MIT OR Apache-2.0
use culvert_wire::rtp;

use crate::cryptex::{Portion, Receiving, Sending};
use crate::{ExtensionIds, KeySet, Reject, extension};

/// Whether CSRCs and header extensions are encrypted as a whole (RFC 9335).
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Hash)]
pub enum Cryptex {
    /// Never. A receiver takes what says that it is encrypted for an extension that it does not know.
    #[default]
    Off,
    /// Wherever it can be: a sender encrypts what RFC 9335 can, and sends the rest without; a receiver takes both.
    Allowed,
    /// Always. What has CSRCs or an extension that are not encrypted is neither sent nor received.
    Required,
}

impl Cryptex {
    /// Bytes by which Cryptex lengthens a packet with CSRCs and without an extension, which it is given.
    pub const GROWTH: usize = 4;
}

/// What the two directions of a leg have agreed to encrypt besides payloads.
///
/// A packet has one or the other: Cryptex where the context uses it and the packet has what it encrypts, else the
/// encryption of elements. Under the NULL cipher there is neither, and with [`Cryptex::Required`] no packet with CSRCs or
/// a header extension.
///
/// A packet that the context does not let through in the clear is refused as
/// [`HeaderUnprotected`](Reject::HeaderUnprotected). So is one that is to be sent under Cryptex and says that it is
/// encrypted although it is not: its receiver would decrypt it.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Hash)]
pub struct HeaderProtection {
    /// Encryption of CSRCs and header extensions as a whole.
    pub cryptex: Cryptex,
    /// The extension elements that are encrypted one by one (RFC 6904). Where there are any, key sets are made by
    /// [`KeySet::with_extension_keys`]; under one that is not, extensions with elements are refused. A sender also refuses
    /// extensions that are not elements to their end, as what follows would be sent in the clear.
    pub encrypted_extensions: ExtensionIds,
}

/// What is encrypted of one packet's header.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Treatment {
    Nothing,
    /// Those elements of the extension that are agreed on.
    Elements,
    Cryptex(Portion),
}

impl HeaderProtection {
    /// `None` if there is nothing to protect.
    pub(crate) fn boxed(self) -> Option<Box<HeaderProtection>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    /// What becomes of a packet that has this `header` in plain form.
    pub(crate) fn sending(&self, keys: &KeySet, header: &rtp::Header) -> Result<Treatment, Reject> {
        if self.cryptex != Cryptex::Off {
            match Sending::of(header) {
                Sending::Nothing => return Ok(Treatment::Nothing),
                Sending::Ambiguous => return Err(Reject::HeaderUnprotected),
                Sending::Cryptex(portion) if keys.suite().encrypts() => {
                    return Ok(Treatment::Cryptex(portion));
                }
                Sending::Cryptex(_) | Sending::Unsupported => self.in_the_clear()?,
            }
        }
        self.elements(keys, header)
    }

    /// What has become of a packet that has this `header` on the wire.
    pub(crate) fn receiving(&self, keys: &KeySet, header: &rtp::Header) -> Result<Treatment, Reject> {
        if self.cryptex != Cryptex::Off {
            match Receiving::of(header) {
                Receiving::Nothing => return Ok(Treatment::Nothing),
                Receiving::Cryptex(portion) if keys.suite().encrypts() => {
                    return Ok(Treatment::Cryptex(portion));
                }
                Receiving::Cryptex(_) | Receiving::Clear => self.in_the_clear()?,
            }
        }
        self.elements(keys, header)
    }

    fn in_the_clear(&self) -> Result<(), Reject> {
        if self.cryptex == Cryptex::Required { Err(Reject::HeaderUnprotected) } else { Ok(()) }
    }

    fn elements(&self, keys: &KeySet, header: &rtp::Header) -> Result<Treatment, Reject> {
        let elements = header.extension.is_some_and(|extension| extension::has_elements(extension.profile));
        if !elements || self.encrypted_extensions.is_empty() || !keys.suite().encrypts() {
            return Ok(Treatment::Nothing);
        }
        // The keys of a set have extension keys all or none.
        keys.extension_keys(0).map(|_| Treatment::Elements).ok_or(Reject::HeaderUnprotected)
    }
}
