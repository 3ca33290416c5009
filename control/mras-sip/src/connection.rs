// SPDX-License-Identifier: MIT OR Apache-2.0
//! One connection. One message after the other: a front end that wants more at a time opens another.

use std::{future::Future, io, pin::pin};

use bytes::BufMut as _;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Instant, timeout, timeout_at},
};

use crate::{Frame, FrameError, Framer, FrontEnd, ReasonPhrase, Service};

/// Room for a read.
const CHUNK: usize = 4096;

/// RFC 5626, section 4.4.1.
const PONG: &[u8] = b"\r\n";

/// How a connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The front end has closed it between messages.
    Closed,
    /// Nothing came for [`Limits::idle`](crate::Limits::idle).
    Idle,
    /// A message took longer than [`Limits::message`](crate::Limits::message), or the front end did not take its response.
    Late,
    /// After a message whose end cannot be told, and its answer.
    Refused,
    /// By `shutdown`.
    Shutdown,
}

/// What a connection has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// How it has ended.
    pub ended: Ended,
    /// Messages that were answered.
    pub answered: u64,
    /// Of these, those that were answered with credentials.
    pub issued: u64,
}

/// Why a connection has failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The stream has failed.
    #[error("the connection has failed: {0}")]
    Stream(#[from] io::Error),
    /// The stream has ended within a message.
    #[error("the front end has closed the connection within a message")]
    Truncated,
    /// What came is not SIP.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Answers a front end until it closes the connection, breaks SIP or a limit, or `shutdown` is ready. The stream is encrypted and its
/// other end authenticated as `front_end` already.
///
/// # Errors
/// When the stream fails or nothing on it can be understood.
pub async fn connection<S>(
    mut stream: S,
    front_end: &FrontEnd,
    service: &Service,
    shutdown: impl Future<Output = ()>,
) -> Result<Summary, ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limits = service.limits();
    let mut shutdown = pin!(shutdown);
    let mut framer = Framer::new(limits);
    let mut summary = Summary { ended: Ended::Closed, answered: 0, issued: 0 };
    let mut idle_since = Instant::now();
    let mut message_since = None;
    let ended = 'connection: loop {
        while let Some(frame) = framer.next()? {
            message_since = None;
            let (bytes, response);
            let closes = match frame {
                Frame::KeepAlive => {
                    bytes = PONG;
                    false
                }
                Frame::Message(message) => {
                    let Some(answer) = service.answer(front_end, &message) else {
                        if message.body.is_err() {
                            break 'connection Ended::Refused;
                        }
                        continue;
                    };
                    response = answer;
                    summary.answered += 1;
                    summary.issued += u64::from(response.reason() == Some(ReasonPhrase::Ok));
                    bytes = response.bytes();
                    response.closes()
                }
            };
            if !send(&mut stream, bytes, service).await? {
                break 'connection Ended::Late;
            }
            if closes {
                break 'connection Ended::Refused;
            }
            idle_since = Instant::now();
        }
        let deadline = if framer.is_between_messages() {
            idle_since + limits.idle
        } else {
            *message_since.get_or_insert_with(Instant::now) + limits.message
        };
        framer.buffer().reserve(CHUNK);
        let mut room = framer.buffer().limit(CHUNK);
        let read = tokio::select! {
            biased;
            () = &mut shutdown => break Ended::Shutdown,
            read = timeout_at(deadline, stream.read_buf(&mut room)) => read,
        };
        let read = match read {
            // TLS that ends without a close_notify. Content-Length says that nothing is missing.
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Ok(0)),
            read => read,
        };
        match read {
            Ok(Ok(0)) if framer.is_between_messages() => break Ended::Closed,
            Ok(Ok(0)) => return Err(ConnectionError::Truncated),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error.into()),
            Err(_) if framer.is_between_messages() => break Ended::Idle,
            Err(_) => {
                let late = framer.give_up().and_then(|message| service.answer(front_end, &message));
                if let Some(response) = late {
                    summary.answered += 1;
                    send(&mut stream, response.bytes(), service).await?;
                }
                break Ended::Late;
            }
        }
    };
    // Says to the other end that this is all; it may be gone already.
    let _ = timeout(limits.message, stream.shutdown()).await;
    Ok(Summary { ended, ..summary })
}

/// Whether the other end has taken it in time.
async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8], service: &Service) -> io::Result<bool> {
    let write = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    match timeout(service.limits().message, write).await {
        Ok(written) => written.map(|()| true),
        Err(_) => Ok(false),
    }
}
