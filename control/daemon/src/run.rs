// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon from start to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use culvert_api::v1::media_relay_auth_server::MediaRelayAuthServer;
use culvert_api::v1::relay_server::RelayServer;
use culvert_session::{NodeConfig, Sessions};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tonic::transport::Server;
use zeroize::Zeroizing;

use crate::audit::AuditTrail;
use crate::backend::{self, BackendError};
use crate::capacity;
use crate::collector::{NodeCollector, ProcessCollector};
use crate::config::{Config, OnExpiry, PeerClass, Realm};
use crate::fips::{self, FipsError};
use crate::grpc::{About, AboutRealm, MrasService, RelayService};
use crate::key_memory;
use crate::metrics::{self, MetricsError, MetricsServer};
use crate::mras::{self, Mras};
use crate::node::Node;
use crate::srtp_path::{self, SrtpPathError};
use crate::tls::{
    self, AuthorizeLayer, HandshakeMetrics, Limits, LinkRegister, Policy, RoleTable, Service, TlsError,
    TlsHandle,
};

/// How often workers' events are taken in.
const POLL: Duration = Duration::from_millis(5);
/// How often counters are looked at for silence and failures.
const WATCH: Duration = Duration::from_secs(1);
/// How long running calls may take to end after the signal to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Why the daemon could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The data plane.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The metrics listener.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The realms contradict each other.
    #[error(transparent)]
    Sessions(#[from] culvert_session::ConfigError),
    /// The path of SRTP.
    #[error(transparent)]
    SrtpPath(#[from] SrtpPathError),
    /// FIPS mode.
    #[error("node.fips: {0}")]
    Fips(#[from] FipsError),
    /// The control listener.
    #[error("cannot listen at {address}: {source}; set {key} to a free address")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The key of the configuration that says so.
        key: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The system gave no randomness.
    #[error("the system gave no random bytes")]
    Random,
    /// Signals cannot be had.
    #[error("cannot wait for signals: {0}")]
    Signals(#[source] io::Error),
    /// The gRPC server broke.
    #[error("the control interface broke: {0}")]
    Serve(#[from] tonic::transport::Error),
    /// The reflection service.
    #[error("the reflection service cannot be built: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The audit trail.
    #[error("audit.file: {0}")]
    Audit(#[from] culvert_audit::AuditError),
    /// The media relay authentication service.
    #[error("mras: {0}")]
    Mras(#[from] mras::OpenError),
    /// A worker had panicked.
    #[error(transparent)]
    Panicked(#[from] culvert_engine::Panicked),
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// [`RunError`]. The interfaces are as they were found.
pub async fn run(config: Config) -> Result<(), RunError> {
    // Before anything is attached: a signal that comes early must not leave it so.
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let stopping = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let hangup = signal(SignalKind::hangup()).map_err(RunError::Signals)?;
    let fips = fips::report(config.node.fips)?;
    let policy = Policy { minimum_version: config.control.tls.minimum_version, fips: config.node.fips };
    let tls = TlsHandle::load(config.control.tls.clone(), policy)?;
    if config.node.fips {
        tracing::info!(module = fips, "FIPS mode");
    }
    let address = config.control.listen;
    let listener = listen(address, "control.listen").await?;
    let mras = Mras::open(&config.mras, config.node.fips, SystemTime::now())?;
    let audit = AuditTrail::open(&config.audit, config.node_name())?;
    let sessions = Sessions::new(node_config(&config), *secret()?)?;
    let srtp = srtp_path::force(config.srtp.path, config.node.fips)?;
    tracing::info!(path = %srtp.path, chosen_by = %srtp.source, "SRTP path");
    // Measured once, and now: answers that need it are given under the node's lock.
    let cycles_per_second = culvert_engine::cycles_per_second();
    tracing::debug!(cycles_per_second, "time stamp counter");
    // Before packets come: nothing of them shall wait for it, and nothing of it for them.
    let costs = capacity::measure(&config.admission);
    let plane = backend::start(&config).await?;
    let sessions = capacity::admitting(sessions, &config.admission, costs, &plane);
    let node = Node::new(sessions, plane, u64::from(config.media.authentication_failure_rate))
        .with_trail(audit.as_ref().map(AuditTrail::trail))
        .with_mras(mras.clone());
    let node = Arc::new(node);
    if config.node.drain {
        node.drain(true);
    }
    let served = serve(&config, fips, Arc::clone(&node), mras, (tls, hangup), listener, stopping).await;
    let stopped = node.stop();
    if let Some(audit) = audit {
        audit.close();
    }
    tracing::info!("stopped");
    served?;
    Ok(stopped?)
}

async fn serve(
    config: &Config,
    fips: String,
    node: Arc<Node>,
    mras: Option<Mras>,
    (tls, hangup): (TlsHandle, Signal),
    listener: TcpListener,
    stopping: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let handshakes = HandshakeMetrics::new();
    let links = LinkRegister::new(config.control.max_connections as usize);
    let mut tasks = JoinSet::new();
    tasks.spawn(poll(Arc::clone(&node)));
    tasks.spawn(watch(Arc::clone(&node), mras.clone(), expiry(config)));
    tasks.spawn(follow_routes(Arc::clone(&node)));
    tasks.spawn(tls.clone().follow(links.clone(), hangup));
    if let Some(address) = config.metrics.listen {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ProcessCollector::new(node.started())));
        let own = registry.sub_registry_with_prefix(metrics::PREFIX);
        handshakes.register(own);
        tls.register(own);
        links.register(own);
        own.register_collector(Box::new(NodeCollector::new(Arc::clone(&node), fips.clone())));
        let server = MetricsServer::bind(address, Arc::new(registry)).await?;
        tasks.spawn(server.serve());
    }
    let limits = Limits {
        handshakes: config.control.max_handshakes as usize,
        timeout: config.control.handshake_timeout,
    };
    let roles = Arc::new(RoleTable::new(config.roles.clone()));
    if let (Some(address), Some(mras)) = (config.mras.sip, &mras) {
        let listener = listen(address, "mras.sip.listen").await?;
        let (tls, roles, links) = (tls.clone(), Arc::clone(&roles), links.clone());
        let incoming =
            tls::incoming(listener, tls, Service::MRAS_SIP, roles, limits, handshakes.clone(), links);
        tasks.spawn(mras::sip::serve(mras.clone(), incoming));
        tracing::info!(%address, "serving MRAS by SIP");
    }
    let incoming =
        tls::incoming(listener, tls, Service::GRPC, roles, limits, handshakes.clone(), links.clone());
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<RelayServer<RelayService>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(culvert_api::v1::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let relay = RelayService::new(Arc::clone(&node), about(config, fips), links);
    let mras = MediaRelayAuthServer::new(MrasService::new(
        mras,
        Arc::clone(&node),
        relay.clone(),
        config.mras.key_lifetime.into(),
    ));
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let draining = Arc::clone(&node);
    let server = Server::builder()
        .layer(AuthorizeLayer::new(handshakes))
        .add_service(health)
        .add_service(reflection)
        .add_service(RelayServer::new(relay))
        .add_service(mras)
        .serve_with_incoming_shutdown(incoming, async move {
            stopping.await;
            let sessions = draining.drain(true);
            tracing::info!(sessions, "stopping");
            let _ = stop.send(());
        });
    tracing::info!(address = %config.control.listen, "serving");
    tokio::select! {
        served = server => Ok(served?),
        // Watchers would keep their streams, and so the server, for ever.
        () = async { let _ = stopped.await; tokio::time::sleep(GRACE).await; } => Ok(()),
        panicked = worker_failure(&node) => Err(panicked.into()),
    }
}

/// A relay without one of its workers would take sessions that have no media: better to be started anew.
async fn worker_failure(node: &Node) -> culvert_engine::Panicked {
    let mut ticks = interval(WATCH);
    loop {
        ticks.tick().await;
        if node.read(|inner| inner.plane.workers().iter().any(|worker| worker.handle().has_failed())) {
            return culvert_engine::Panicked;
        }
    }
}

async fn poll(node: Arc<Node>) {
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        node.poll();
    }
}

/// `expiry`: how long after its end a credential's keys are taken away; `None`: never.
async fn watch(node: Arc<Node>, mras: Option<Mras>, expiry: Option<Duration>) {
    let mut ticks = interval(WATCH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        node.watch().await;
        node.correct_costs();
        key_memory::report();
        let now = SystemTime::now();
        if let Some(mras) = &mras {
            mras.tick(now);
        }
        if let Some(grace) = expiry {
            node.expire(now, grace);
        }
    }
}

fn expiry(config: &Config) -> Option<Duration> {
    match config.mras.on_expiry {
        OnExpiry::Stop => Some(config.mras.expiry_grace),
        OnExpiry::Finish => None,
    }
}

async fn listen(address: SocketAddr, key: &'static str) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, key, source })
}

/// Without routes of our own there is nothing to follow.
async fn follow_routes(node: Arc<Node>) {
    let Some(mut changes) = node.read(|inner| inner.plane.route_changes()) else { return };
    while changes.changed().await.is_ok() {
        node.refresh_next_hops();
    }
}

fn node_config(config: &Config) -> NodeConfig {
    NodeConfig {
        realms: config.realms.iter().map(realm).collect(),
        max_sessions: config.node.max_sessions as usize,
        workers: config.engine.workers,
        max_flows_per_worker: config.node.max_flows as usize,
        media_timeout: config.media.timeout,
        max_ssrcs: config.media.max_ssrcs,
        peer_classes: config.peer_classes.iter().map(peer_class).collect(),
        approved_suites_only: config.node.fips,
    }
}

fn peer_class(class: &PeerClass) -> culvert_session::PeerClass {
    culvert_session::PeerClass {
        name: class.name.clone(),
        encryption: class.encryption,
        certificate: class.certificate,
    }
}

fn realm(realm: &Realm) -> culvert_session::Realm {
    culvert_session::Realm {
        name: realm.name.clone(),
        addresses: realm
            .addresses
            .iter()
            .map(|own| culvert_session::RealmAddress {
                address: own.address,
                prefix: own.prefix,
                advertised: own.advertised,
            })
            .collect(),
        ports: realm.first_port..=realm.last_port,
    }
}

fn about(config: &Config, fips: String) -> About {
    let realms = config.realms.iter().map(|realm| AboutRealm {
        name: realm.name.clone(),
        interface: realm.interface.clone(),
        addresses: realm.addresses.iter().map(|own| own.address.to_string()).collect(),
        advertised: realm
            .addresses
            .iter()
            .map(|own| own.advertised.unwrap_or(own.address).to_string())
            .collect(),
    });
    About { realms: realms.collect(), fips }
}

/// What keys the fingerprints of keys: random, and of this process.
fn secret() -> Result<Zeroizing<[u8; 64]>, RunError> {
    let mut secret = Zeroizing::new([0; 64]);
    tls::provider().secure_random.fill(secret.as_mut_slice()).map_err(|_| RunError::Random)?;
    Ok(secret)
}
