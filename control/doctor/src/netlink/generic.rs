// SPDX-License-Identifier: MIT OR Apache-2.0
//! Generic netlink: families that are found by name (include/uapi/linux/genetlink.h).

use rustix::io::Errno;

use super::{Attributes, Netlink, attribute::u16_at, write};

/// GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME
const CONTROL: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
/// Command, version, reserved.
const HEADER: usize = 4;

/// A family, with a socket to ask it by.
pub(crate) struct Family {
    netlink: Netlink,
    id: u16,
}

impl Family {
    /// ENOENT from a kernel without it.
    pub(crate) fn find(name: &str) -> Result<Family, Errno> {
        let netlink = Netlink::generic()?;
        let mut attributes = Vec::new();
        write(&mut attributes, FAMILY_NAME, &[name.as_bytes(), b"\0"].concat());
        let answers = netlink.ask(CONTROL, 0, &message(GET_FAMILY, &attributes))?;
        let id = answers.first().and_then(|answer| {
            Attributes(answer.get(HEADER..)?).get(FAMILY_ID).and_then(|value| u16_at(value, 0))
        });
        Ok(Family { netlink, id: id.ok_or(Errno::BADMSG)? })
    }

    /// The attributes of the one answer to a command.
    pub(crate) fn ask(&self, command: u8, attributes: &[u8]) -> Result<Vec<u8>, Errno> {
        let answers = self.netlink.ask(self.id, 0, &message(command, attributes))?;
        answers.first().and_then(|answer| answer.get(HEADER..)).map(<[u8]>::to_vec).ok_or(Errno::BADMSG)
    }
}

fn message(command: u8, attributes: &[u8]) -> Vec<u8> {
    [&[command, 1, 0, 0], attributes].concat()
}
