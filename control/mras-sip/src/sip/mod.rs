// SPDX-License-Identifier: MIT OR Apache-2.0
//! SIP over a stream, as much of it as a server of one method without dialogs needs: RFC 3261, sections 7, 8.2 and 18.3; RFC 5626,
//! section 4.4.1, for keep-alives.

mod frame;
mod head;
mod response;

pub use frame::{Frame, FrameError, Framer, Message};
pub use response::Response;

pub(crate) use frame::Unread;
pub(crate) use head::{Head, Start, Target};
pub(crate) use response::Draft;
