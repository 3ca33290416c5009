// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a stream of bytes to messages.

use bytes::{Buf, Bytes, BytesMut};
use ezk_sip_types::Name;

use super::head::Head;
use crate::Limits;

/// What stands next in a stream.
#[derive(Debug)]
pub enum Frame {
    /// The double CRLF of RFC 5626, to be answered with a single one.
    KeepAlive,
    /// A request, or something that is to be answered as one.
    Message(Message),
}

/// A head, and the body if its length could be told.
#[derive(Debug)]
pub struct Message {
    pub(crate) head: Head,
    pub(crate) body: Result<Bytes, Unread>,
}

impl Message {
    /// A message whose body did not arrive in time.
    pub(crate) fn late(head: Head) -> Message {
        Message { head, body: Err(Unread::Late) }
    }
}

/// Why there is no body. Where the next message begins is then unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// The head breaks SIP's grammar.
    Head(&'static str),
    /// Longer than the limit.
    TooLarge,
    /// It did not arrive in time.
    Late,
}

/// Why a stream has no more messages, and nobody who could be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// No end of the headers within the limit.
    #[error("a SIP head of more than {limit} bytes; the limit is Limits::head")]
    HeadTooLarge {
        /// The limit.
        limit: usize,
    },
    /// Bytes that no SIP message has.
    #[error("a SIP head that is not UTF-8, or has control characters or a line end other than CRLF")]
    NotText,
}

/// Cuts a stream into messages. Holds what has arrived of one, and no more than the limits allow.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    buffer: BytesMut,
    /// How far the buffer is known not to hold the end of a head.
    searched: usize,
    /// A head whose body has yet to arrive, and how long that is.
    pending: Option<(Head, usize)>,
    /// Where the next message begins is unknown.
    broken: bool,
}

impl Framer {
    /// At the beginning of a stream.
    pub fn new(limits: Limits) -> Framer {
        Framer { limits, buffer: BytesMut::new(), searched: 0, pending: None, broken: false }
    }

    /// Where to put what arrives.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Nothing of a message has arrived. Line ends are nothing: RFC 3261, section 7.5.
    pub fn is_between_messages(&self) -> bool {
        self.pending.is_none() && self.buffer.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
    }

    /// A message whose head has arrived and whose body has not, given up.
    pub(crate) fn give_up(&mut self) -> Option<Message> {
        self.broken = true;
        self.pending.take().map(|(head, _)| Message::late(head))
    }

    /// The next frame that has arrived whole. After a message of which [`Response::closes`](super::Response::closes) there is none.
    ///
    /// # Errors
    /// When nothing after this can be understood.
    #[expect(clippy::should_implement_trait, reason = "more can come after None")]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.broken {
            return Ok(None);
        }
        if self.pending.is_none() {
            if self.keep_alive() {
                return Ok(Some(Frame::KeepAlive));
            }
            let Some(end) = self.head_end()? else { return Ok(None) };
            let head = self.buffer.split_to(end).freeze();
            self.searched = 0;
            let head = Head::parse(&head, self.limits.headers).ok_or(FrameError::NotText)?;
            match self.body_length(&head) {
                Ok(length) => self.pending = Some((head, length)),
                Err(unread) => {
                    self.broken = true;
                    return Ok(Some(Frame::Message(Message { head, body: Err(unread) })));
                }
            }
        }
        let Some((head, length)) = self.pending.take_if(|(_, length)| self.buffer.len() >= *length) else {
            return Ok(None);
        };
        let body = self.buffer.split_to(length).freeze();
        Ok(Some(Frame::Message(Message { head, body: Ok(body) })))
    }

    /// Takes line ends from in front of a message. A double one is a keep-alive.
    fn keep_alive(&mut self) -> bool {
        loop {
            match *self.buffer {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.buffer.advance(4);
                    return true;
                }
                // Perhaps the first half of a double one.
                [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return false,
                [b'\r', b'\n', ..] => self.buffer.advance(2),
                _ => return false,
            }
        }
    }

    fn head_end(&mut self) -> Result<Option<usize>, FrameError> {
        const END: &[u8] = b"\r\n\r\n";
        let limit = self.limits.head;
        let window = &self.buffer[..self.buffer.len().min(limit)];
        let from = self.searched.min(window.len());
        match window[from..].windows(END.len()).position(|bytes| bytes == END) {
            Some(at) => Ok(Some(from + at + END.len())),
            None if self.buffer.len() >= limit => Err(FrameError::HeadTooLarge { limit }),
            None => {
                self.searched = window.len().saturating_sub(END.len() - 1);
                Ok(None)
            }
        }
    }

    /// RFC 3261, section 18.3: over a stream nothing but Content-Length tells where a message ends.
    fn body_length(&self, head: &Head) -> Result<usize, Unread> {
        if let Some(fault) = head.fault {
            return Err(Unread::Head(fault));
        }
        let mut values = head.values(&Name::CONTENT_LENGTH);
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Unread::Head("there must be one Content-Length"));
        };
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Unread::Head("Content-Length must be a number"));
        }
        // A number that does not fit is a large one.
        value.parse().ok().filter(|length| *length <= self.limits.body).ok_or(Unread::TooLarge)
    }
}
