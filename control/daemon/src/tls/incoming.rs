// SPDX-License-Identifier: MIT OR Apache-2.0
//! The accept loop. tonic's own says nothing of handshakes that fail, so that a front end with an expired certificate would
//! look like no front end at all.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tonic::transport::server::Connected;
use tracing::{debug, info, warn};

use super::{HandshakeMetrics, Peer, Refusal, RoleTable};

/// Accepted connections that wait for the server.
const BACKLOG: usize = 16;

/// How long to wait when the system has no more file descriptors.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// What unauthenticated clients can use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Handshakes at a time; more wait in the system's backlog.
    pub handshakes: usize,
    /// The longest that one may take.
    pub timeout: Duration,
}

/// Authenticated connections, for `serve_with_incoming`. Dropping it ends the accept loop.
#[derive(Debug)]
pub struct Incoming {
    streams: mpsc::Receiver<ControlStream>,
    task: JoinHandle<()>,
}

/// An authenticated connection. Its requests bear a [`Peer`] in their extensions.
#[derive(Debug)]
pub struct ControlStream {
    stream: TlsStream<TcpStream>,
    peer: Peer,
}

#[derive(Clone)]
struct Handshake {
    acceptor: TlsAcceptor,
    roles: Arc<RoleTable>,
    metrics: HandshakeMetrics,
    timeout: Duration,
}

/// Accepts connections from now on. Call it on a tokio runtime.
pub fn incoming(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    roles: Arc<RoleTable>,
    limits: Limits,
    metrics: HandshakeMetrics,
) -> Incoming {
    let (sender, streams) = mpsc::channel(BACKLOG);
    let handshake =
        Handshake { acceptor: TlsAcceptor::from(config), roles, metrics, timeout: limits.timeout };
    let permits = Arc::new(Semaphore::new(limits.handshakes.max(1)));
    Incoming { streams, task: tokio::spawn(accept(listener, handshake, permits, sender)) }
}

async fn accept(
    listener: TcpListener,
    handshake: Handshake,
    permits: Arc<Semaphore>,
    sender: mpsc::Sender<ControlStream>,
) {
    while let Ok(permit) = permits.clone().acquire_owned().await {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // What is left of a connection that was reset before it was accepted, or a lack of descriptors.
                debug!(%error, "cannot accept a control connection");
                sleep(EXHAUSTED).await;
                continue;
            }
        };
        let (handshake, sender) = (handshake.clone(), sender.clone());
        tokio::spawn(async move {
            let stream = handshake.run(stream, address).await;
            drop(permit);
            if let Some(stream) = stream {
                let _ = sender.send(stream).await;
            }
        });
    }
}

impl Handshake {
    async fn run(&self, stream: TcpStream, address: SocketAddr) -> Option<ControlStream> {
        let _ = stream.set_nodelay(true);
        match timeout(self.timeout, self.acceptor.accept(stream)).await {
            Err(_) => self.refuse(Refusal::Timeout, address, None),
            Ok(Err(error)) => self.refuse(Refusal::of(&error), address, Some(&error)),
            Ok(Ok(stream)) => {
                let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                match certificate.and_then(|certificate| self.roles.identify(certificate)) {
                    None => self.refuse(Refusal::NoIdentity, address, None),
                    Some((identity, roles)) => {
                        self.metrics.count_accepted();
                        info!(%identity, ?roles, "control connection accepted");
                        debug!(%identity, %address, "control connection's address");
                        Some(ControlStream { stream, peer: Peer { identity, roles, address } })
                    }
                }
            }
        }
    }

    fn refuse(
        &self,
        refusal: Refusal,
        address: SocketAddr,
        error: Option<&io::Error>,
    ) -> Option<ControlStream> {
        self.metrics.count_refused(refusal);
        let detail = error.map(io::Error::to_string).unwrap_or_default();
        warn!(reason = refusal.name(), detail, "control connection refused");
        debug!(reason = refusal.name(), %address, "refused control connection's address");
        None
    }
}

impl Stream for Incoming {
    type Item = Result<ControlStream, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.streams.poll_recv(context).map(|stream| stream.map(Ok))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connected for ControlStream {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for ControlStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ControlStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
