// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interfaces, as RTM_GETLINK tells of them (include/uapi/linux/if_link.h).

use rustix::io::Errno;

use super::{Attributes, DUMP, Netlink, attribute::u16_at, attribute::u32_at, text, u32_of};
use crate::host::Link;

const RTM_GETLINK: u16 = 18;
/// struct ifinfomsg: family, padding, type, index, flags, change.
const HEADER: usize = 16;
const IFF_UP: u32 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_NUM_RX_QUEUES: u16 = 32;
const IFLA_PARENT_DEV_NAME: u16 = 56;
const IFLA_PARENT_DEV_BUS_NAME: u16 = 57;
const IFLA_CARRIER: u16 = 33;

pub(crate) fn all() -> Result<Vec<Link>, Errno> {
    let answers = Netlink::route()?.ask(RTM_GETLINK, DUMP, &[0; HEADER])?;
    Ok(answers.iter().filter_map(|answer| decode(answer)).collect())
}

fn decode(message: &[u8]) -> Option<Link> {
    let attributes = Attributes(message.get(HEADER..)?);
    let info = attributes.get(IFLA_LINKINFO).map(Attributes);
    let device = attributes.get(IFLA_PARENT_DEV_BUS_NAME).zip(attributes.get(IFLA_PARENT_DEV_NAME));
    Some(Link {
        index: u32_at(message, 4)?,
        name: text(attributes.get(IFLA_IFNAME)?),
        hardware_type: u16_at(message, 2)?,
        up: u32_at(message, 8)? & IFF_UP != 0,
        carrier: attributes.get(IFLA_CARRIER).is_some_and(|value| value == [1]),
        mtu: attributes.get(IFLA_MTU).and_then(u32_of)?,
        receive_queues: attributes.get(IFLA_NUM_RX_QUEUES).and_then(u32_of).unwrap_or(1),
        kind: info.and_then(|info| info.get(IFLA_INFO_KIND)).map(text),
        parent: attributes.get(IFLA_LINK).and_then(u32_of),
        device: device.map(|(bus, name)| format!("/sys/bus/{}/devices/{}", text(bus), text(name))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{nest, write};

    fn header(index: u32, flags: u32) -> Vec<u8> {
        let mut message = vec![0, 0];
        message.extend(1_u16.to_ne_bytes());
        for word in [index, flags, 0] {
            message.extend(word.to_ne_bytes());
        }
        message
    }

    #[test]
    fn a_card_and_a_vlan() {
        let mut message = header(2, 0x1043);
        write(&mut message, IFLA_IFNAME, b"eth0\0");
        write(&mut message, IFLA_MTU, &1500_u32.to_ne_bytes());
        write(&mut message, IFLA_NUM_RX_QUEUES, &8_u32.to_ne_bytes());
        write(&mut message, IFLA_CARRIER, &[1]);
        write(&mut message, IFLA_PARENT_DEV_NAME, b"0000:17:00.0\0");
        write(&mut message, IFLA_PARENT_DEV_BUS_NAME, b"pci\0");
        let card = Link {
            index: 2,
            name: "eth0".to_owned(),
            hardware_type: 1,
            up: true,
            carrier: true,
            mtu: 1500,
            receive_queues: 8,
            kind: None,
            parent: None,
            device: Some("/sys/bus/pci/devices/0000:17:00.0".to_owned()),
        };
        assert_eq!(decode(&message), Some(card));

        let mut message = header(5, 0);
        write(&mut message, IFLA_IFNAME, b"eth0.7\0");
        write(&mut message, IFLA_MTU, &1400_u32.to_ne_bytes());
        write(&mut message, IFLA_LINK, &2_u32.to_ne_bytes());
        let mut kind = Vec::new();
        write(&mut kind, IFLA_INFO_KIND, b"vlan");
        message.extend(nest(IFLA_LINKINFO, &kind));
        let vlan = decode(&message).unwrap();
        assert_eq!((vlan.kind.as_deref(), vlan.parent, vlan.up), (Some("vlan"), Some(2), false));
        assert_eq!(decode(&message[..20]), None);
    }

    #[test]
    fn this_host_has_a_loopback_interface() {
        let links = all().unwrap();
        let loopback = links.iter().find(|link| link.name == "lo").unwrap();
        assert_eq!((loopback.hardware_type, loopback.kind.as_deref()), (772, None));
    }
}
