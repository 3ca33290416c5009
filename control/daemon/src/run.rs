// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daemon from start to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use culvert_api::v1::relay_server::RelayServer;
use culvert_session::{NodeConfig, Sessions};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tonic::transport::Server;
use zeroize::Zeroizing;

use crate::backend::{self, BackendError};
use crate::collector::NodeCollector;
use crate::config::{Config, Realm};
use crate::fips::{self, FipsError};
use crate::grpc::{About, AboutRealm, RelayService};
use crate::metrics::{self, MetricsError, MetricsServer};
use crate::node::Node;
use crate::srtp_path::{self, SrtpPathError};
use crate::tls::{self, AuthorizeLayer, HandshakeMetrics, Limits, RoleTable, TlsError};

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
    #[error(
        "cannot serve the control interface at {address}: {source}; set control.listen to a free address"
    )]
    Listen {
        /// Where.
        address: SocketAddr,
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
    let tls = tls::server_config(&config.control.tls)?;
    let fips = fips::report(config.node.fips)?;
    if config.node.fips {
        fips::check_tls(&tls)?;
        tracing::info!(module = fips, "FIPS mode");
    }
    let address = config.control.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })?;
    let sessions = Sessions::new(node_config(&config), *secret(&tls)?)?;
    let srtp = srtp_path::force(config.srtp.path, config.node.fips)?;
    tracing::info!(path = %srtp.path, chosen_by = %srtp.source, "SRTP path");
    let plane = backend::start(&config).await?;
    let node = Arc::new(Node::new(sessions, plane, u64::from(config.media.authentication_failure_rate)));
    if config.node.drain {
        node.drain(true);
    }
    let served = serve(&config, fips, Arc::clone(&node), tls, listener, stopping).await;
    let stopped = node.stop();
    tracing::info!("stopped");
    served?;
    Ok(stopped?)
}

async fn serve(
    config: &Config,
    fips: String,
    node: Arc<Node>,
    tls: Arc<rustls::ServerConfig>,
    listener: TcpListener,
    stopping: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let handshakes = HandshakeMetrics::default();
    let mut tasks = JoinSet::new();
    tasks.spawn(poll(Arc::clone(&node)));
    tasks.spawn(watch(Arc::clone(&node)));
    tasks.spawn(follow_routes(Arc::clone(&node)));
    if let Some(address) = config.metrics.listen {
        let mut registry = Registry::with_prefix(metrics::PREFIX);
        handshakes.register(&mut registry);
        registry.register_collector(Box::new(NodeCollector::new(Arc::clone(&node))));
        let server = MetricsServer::bind(address, Arc::new(registry)).await?;
        tasks.spawn(server.serve());
    }
    let limits = Limits {
        handshakes: config.control.max_handshakes as usize,
        timeout: config.control.handshake_timeout,
    };
    let roles = Arc::new(RoleTable::new(config.roles.clone()));
    let incoming = tls::incoming(listener, tls, roles, limits, handshakes);
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<RelayServer<RelayService>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(culvert_api::v1::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let relay = RelayServer::new(RelayService::new(Arc::clone(&node), about(config, fips)));
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let draining = Arc::clone(&node);
    let server = Server::builder()
        .layer(AuthorizeLayer)
        .add_service(health)
        .add_service(reflection)
        .add_service(relay)
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

async fn watch(node: Arc<Node>) {
    let mut ticks = interval(WATCH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        node.watch();
    }
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
        approved_suites_only: config.node.fips,
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
fn secret(tls: &rustls::ServerConfig) -> Result<Zeroizing<[u8; 64]>, RunError> {
    let mut secret = Zeroizing::new([0; 64]);
    tls.crypto_provider().secure_random.fill(secret.as_mut_slice()).map_err(|_| RunError::Random)?;
    Ok(secret)
}
