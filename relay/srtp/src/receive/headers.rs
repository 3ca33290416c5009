// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets whose headers are encrypted as well.

use culvert_wire::rtp;

use super::track::Set;
use super::{Accepted, ReceiveContext, telling};
use crate::cryptex::ENCRYPTED_FROM;
use crate::header_protection::{HeaderProtection, Treatment};
use crate::suite::Transform;
use crate::{KeySet, Kind, Reject};

impl ReceiveContext {
    /// Has headers decrypted from now on, under this key set and those after it.
    #[must_use]
    pub fn with_header_protection(mut self, protection: HeaderProtection) -> ReceiveContext {
        self.keys.set_protection(protection);
        self
    }

    #[inline(always)]
    pub(crate) fn protects_headers(&self) -> bool {
        self.keys.protection().is_some()
    }

    /// Judges an SRTP packet. Its bytes are moved meanwhile, and afterwards as they came.
    pub(crate) fn judge_headers(&self, packet: &mut [u8]) -> Result<(Accepted, Treatment), Reject> {
        let newest = match self.judge_headers_under(Set::Newest, &self.keys, packet) {
            Err(newest) => newest,
            accepted => return accepted,
        };
        let Some(previous) = &self.previous else { return Err(newest) };
        self.judge_headers_under(Set::Previous, previous, packet)
            .map_err(|previous| telling(newest, previous))
    }

    fn judge_headers_under(
        &self,
        set: Set,
        keys: &KeySet,
        packet: &mut [u8],
    ) -> Result<(Accepted, Treatment), Reject> {
        let mut parsed = Self::parse(keys, Kind::Rtp, packet)?;
        let header = rtp::Header::parse(packet).map_err(|_| Reject::Malformed)?;
        let treatment = match self.keys.protection() {
            Some(protection) => protection.receiving(keys, &header)?,
            None => Treatment::Nothing,
        };
        let accepted = match treatment {
            Treatment::Cryptex(portion) => {
                parsed.header.length = ENCRYPTED_FROM as u16;
                let judge = |packet: &mut [u8]| self.judge_under(set, keys, Kind::Rtp, packet, &parsed, None);
                match keys.suite().transform() {
                    Transform::Gcm => portion.contiguous(packet, judge),
                    // HMAC covers the packet in the order of the wire.
                    Transform::CounterMode | Transform::Null => judge(packet),
                }
            }
            _ => self.judge_under(set, keys, Kind::Rtp, packet, &parsed, None),
        }?;
        Ok((accepted, treatment))
    }

    /// Decrypts an SRTP packet that was accepted. `packet` is without what protection has added.
    pub(crate) fn open(&self, packet: &mut [u8], accepted: &Accepted, treatment: Treatment) {
        self.apply(packet, accepted, treatment);
        if let Treatment::Cryptex(portion) = treatment {
            portion.restore(packet);
        }
    }

    /// Makes of an opened packet what it was.
    pub(crate) fn shut(&self, packet: &mut [u8], accepted: &Accepted, treatment: Treatment) {
        if let Treatment::Cryptex(portion) = treatment {
            portion.mark(packet);
        }
        self.apply(packet, accepted, treatment);
    }

    /// Applies all key streams, which are their own inverse.
    fn apply(&self, packet: &mut [u8], accepted: &Accepted, treatment: Treatment) {
        let (key, position) = (self.key(accepted), accepted.position());
        let payload = |packet: &mut [u8]| {
            if let Some(payload) = packet.get_mut(usize::from(accepted.header.length)..) {
                key.apply_keystream(payload, position);
            }
        };
        match (treatment, self.keys.protection()) {
            (Treatment::Cryptex(portion), _) => portion.contiguous(packet, payload),
            (Treatment::Elements, Some(protection)) => {
                payload(packet);
                let keys = self.set(accepted).extension_keys(accepted.key);
                if let (Some(keys), Ok(header)) = (keys, rtp::Header::parse(packet)) {
                    keys.apply(&protection.encrypted_extensions, packet, &header, accepted.index);
                }
            }
            _ => payload(packet),
        }
    }
}
