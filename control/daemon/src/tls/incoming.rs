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
use rustls::pki_types::CertificateDer;
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

use super::{
    HandshakeMetrics, Link, LinkRegister, Material, Peer, Refusal, RoleTable, TlsHandle, links::Registration,
};

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

/// What is spoken over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// As links are shown with it.
    pub name: &'static str,
    /// Application protocols (RFC 7301), best first. Empty: none is negotiated.
    pub alpn: &'static [&'static [u8]],
}

impl Service {
    /// gRPC: HTTP/2.
    pub const GRPC: Service = Service { name: "grpc", alpn: &[b"h2"] };
    /// SIP between a front end and the media relay authentication service.
    pub const MRAS_SIP: Service = Service { name: "mras-sip", alpn: &[] };
}

/// Authenticated connections, for `serve_with_incoming`. Dropping it ends the accept loop.
#[derive(Debug)]
pub struct Incoming {
    streams: mpsc::Receiver<ControlStream>,
    task: JoinHandle<()>,
}

/// An authenticated connection. Its requests bear a [`Peer`] in their extensions. It fails once its client's certificate is no
/// longer accepted.
#[derive(Debug)]
pub struct ControlStream {
    stream: TlsStream<TcpStream>,
    peer: Peer,
    registration: Registration,
}

#[derive(Clone)]
struct Handshake {
    service: Service,
    tls: TlsHandle,
    links: LinkRegister,
    roles: Arc<RoleTable>,
    metrics: HandshakeMetrics,
    timeout: Duration,
}

/// Accepts connections from now on, each with the certificates that are in force when it comes. Call it on a tokio runtime.
pub fn incoming(
    listener: TcpListener,
    tls: TlsHandle,
    service: Service,
    roles: Arc<RoleTable>,
    limits: Limits,
    metrics: HandshakeMetrics,
    links: LinkRegister,
) -> Incoming {
    let (sender, streams) = mpsc::channel(BACKLOG);
    let handshake = Handshake { service, tls, links, roles, metrics, timeout: limits.timeout };
    let permits = Arc::new(Semaphore::new(limits.handshakes.max(1)));
    Incoming { streams, task: tokio::spawn(accept(listener, handshake, permits, sender)) }
}

async fn accept(
    listener: TcpListener,
    handshake: Handshake,
    permits: Arc<Semaphore>,
    sender: mpsc::Sender<ControlStream>,
) {
    let mut material = handshake.tls.current();
    let mut acceptor = handshake.acceptor(&material);
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
        let newest = handshake.tls.current();
        if !Arc::ptr_eq(&material, &newest) {
            acceptor = handshake.acceptor(&newest);
            material = newest;
        }
        let (handshake, sender) = (handshake.clone(), sender.clone());
        let (material, acceptor) = (Arc::clone(&material), acceptor.clone());
        tokio::spawn(async move {
            let stream = handshake.run(stream, address, &material, &acceptor).await;
            drop(permit);
            if let Some(stream) = stream {
                let _ = sender.send(stream).await;
            }
        });
    }
}

impl Handshake {
    fn acceptor(&self, material: &Material) -> TlsAcceptor {
        TlsAcceptor::from(material.server_config(self.service.alpn))
    }

    async fn run(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        material: &Arc<Material>,
        acceptor: &TlsAcceptor,
    ) -> Option<ControlStream> {
        let _ = stream.set_nodelay(true);
        match timeout(self.timeout, acceptor.accept(stream)).await {
            Err(_) => self.refuse(Refusal::Timeout, address, None),
            Ok(Err(error)) => self.refuse(Refusal::of(&error), address, Some(&error)),
            Ok(Ok(stream)) => match self.admit(&stream, address, material) {
                Err(refusal) => self.refuse(refusal, address, None),
                Ok((peer, registration)) => {
                    self.metrics.count_accepted();
                    let Peer { identity, roles, address } = &peer;
                    let service = self.service.name;
                    info!(%identity, ?roles, service, "control connection accepted");
                    debug!(%identity, %address, "control connection's address");
                    Some(ControlStream { stream, peer, registration })
                }
            },
        }
    }

    fn admit(
        &self,
        stream: &TlsStream<TcpStream>,
        address: SocketAddr,
        material: &Arc<Material>,
    ) -> Result<(Peer, Registration), Refusal> {
        let connection = stream.get_ref().1;
        let chain: &[CertificateDer<'static>] = connection.peer_certificates().unwrap_or_default();
        let identified = chain.first().and_then(|certificate| self.roles.identify(certificate));
        let (identity, roles) = identified.ok_or(Refusal::NoIdentity)?;
        let peer = Peer { identity: identity.clone(), roles, address };
        let local = Arc::clone(material.subject());
        let link = Link::new(self.service.name, (identity, roles), address, local, connection);
        let registration = self.links.enter(link, chain).ok_or(Refusal::TooMany)?;
        // A reload during the handshake may not have found it in the register.
        let newest = self.tls.current();
        if !Arc::ptr_eq(&newest, material) {
            registration.judge_again(newest.verifier())?;
        }
        Ok((peer, registration))
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

impl ControlStream {
    /// The other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
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
        self.registration.closer.check_read(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ControlStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.registration.closer.check_write(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.registration.closer.check_write(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
