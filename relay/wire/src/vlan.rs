// SPDX-License-Identifier: MIT OR Apache-2.0

/// One VLAN tag, IEEE 802.1Q or 802.1ad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct VlanTag {
    /// The tag protocol identifier: [`VlanTag::CUSTOMER`] or [`VlanTag::SERVICE`].
    pub protocol: u16,
    /// The tag control information: priority (3 bits), drop eligible (1 bit), VLAN identifier (12 bits).
    pub control: u16,
}

impl VlanTag {
    /// The identifier of an 802.1Q tag.
    pub const CUSTOMER: u16 = 0x8100;
    /// The identifier of an 802.1ad tag, the outer one of two.
    pub const SERVICE: u16 = 0x88a8;

    /// The VLAN identifier, 0 to 4095; 0 marks a tag that carries only a priority.
    pub const fn identifier(self) -> u16 {
        self.control & 0x0fff
    }
}

/// The VLAN tags of a frame, none to two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct VlanTags {
    /// The tag after the Ethernet addresses.
    pub outer: Option<VlanTag>,
    /// The tag after the outer one. Never there without it.
    pub inner: Option<VlanTag>,
}

impl VlanTags {
    /// Number of tags.
    pub const fn count(self) -> usize {
        self.outer.is_some() as usize + self.inner.is_some() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::{VlanTag, VlanTags};

    #[test]
    fn identifier_leaves_the_priority_out() {
        let tag = VlanTag { protocol: VlanTag::CUSTOMER, control: 0xb064 };
        assert_eq!(tag.identifier(), 100);
    }

    #[test]
    fn tags_are_counted() {
        let tag = Some(VlanTag::default());
        assert_eq!(VlanTags::default().count(), 0);
        assert_eq!(VlanTags { outer: tag, inner: None }.count(), 1);
        assert_eq!(VlanTags { outer: tag, inner: tag }.count(), 2);
    }
}
