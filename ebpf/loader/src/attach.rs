// SPDX-License-Identifier: MIT OR Apache-2.0

use crate::error::{AttachError, is_permission, os_error};
use aya::programs::links::FdLink;
use aya::programs::{ProgramError, Xdp, XdpMode};
use std::fmt;
use std::io::ErrorKind;

/// The modes that [`Steering::attach`](crate::Steering::attach) may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// Native, and generic when the driver refuses.
    #[default]
    NativeThenGeneric,
    /// Native only.
    Native,
    /// Generic only.
    Generic,
}

/// The mode the program is attached in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttachMode {
    /// The driver runs the program before it makes a socket buffer.
    Native,
    /// The kernel runs the program on socket buffers; slower, on any driver.
    Generic,
}

impl AttachMode {
    /// `native` or `generic`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }

    const fn flags(self) -> XdpMode {
        match self {
            Self::Native => XdpMode::Driver,
            Self::Generic => XdpMode::Skb,
        }
    }
}

impl fmt::Display for AttachMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A program on an interface. Closing its link, which a dying process does as well, takes the program off.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub(crate) interface: String,
    pub(crate) mode: AttachMode,
    _link: FdLink,
}

pub(crate) fn attach(
    program: &mut Xdp,
    interface: &str,
    preference: Mode,
) -> Result<Attachment, AttachError> {
    match preference {
        Mode::Native => attach_in(program, interface, AttachMode::Native),
        Mode::Generic => attach_in(program, interface, AttachMode::Generic),
        Mode::NativeThenGeneric => match attach_in(program, interface, AttachMode::Native) {
            Err(AttachError::NativeRefused { .. }) => attach_in(program, interface, AttachMode::Generic),
            result => result,
        },
    }
}

fn attach_in(program: &mut Xdp, interface: &str, mode: AttachMode) -> Result<Attachment, AttachError> {
    // aya takes the name for a C string without asking.
    if interface.contains('\0') {
        return Err(AttachError::UnknownInterface { interface: interface.into() });
    }
    let link = program
        .attach(interface, mode.flags())
        .and_then(|id| program.take_link(id))
        .map_err(|error| refusal(interface, mode, error))?;
    let link = link.try_into().map_err(|_| AttachError::NoLink { interface: interface.into() })?;
    Ok(Attachment { interface: interface.into(), mode, _link: link })
}

fn refusal(interface: &str, mode: AttachMode, source: ProgramError) -> AttachError {
    let interface = interface.to_owned();
    if matches!(source, ProgramError::UnknownInterface { .. }) {
        return AttachError::UnknownInterface { interface };
    }
    if is_permission(&source) {
        return AttachError::Permission { interface };
    }
    // An older program in the same mode gives EBUSY, one in the other mode EEXIST.
    let kind = os_error(&source).map(std::io::Error::kind);
    if matches!(kind, Some(ErrorKind::ResourceBusy | ErrorKind::AlreadyExists)) {
        return AttachError::Occupied { interface };
    }
    let source = Box::new(source);
    match mode {
        AttachMode::Native => AttachError::NativeRefused { interface, source },
        AttachMode::Generic => AttachError::GenericRefused { interface, source },
    }
}
