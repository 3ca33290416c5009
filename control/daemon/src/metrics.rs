// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prometheus metrics on a listener of their own: plain HTTP, one path.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::{encoding::text::encode, registry::Registry};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tracing::debug;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const CONNECTIONS: usize = 16;
const LONGEST: Duration = Duration::from_secs(30);
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const EXHAUSTED: Duration = Duration::from_millis(100);

/// The prefix of all metrics but those of the process.
pub const PREFIX: &str = "culvert";

/// The listener cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot serve metrics at {address}: {source}; set metrics.listen to a free address, or to \"\" for none"
)]
pub struct MetricsError {
    address: SocketAddr,
    source: io::Error,
}

/// The listener.
#[derive(Debug)]
pub struct MetricsServer {
    listener: TcpListener,
    registry: Arc<Registry>,
}

impl MetricsServer {
    /// Opens the listener. Collectors in the registry are asked at each scrape.
    pub async fn bind(address: SocketAddr, registry: Arc<Registry>) -> Result<MetricsServer, MetricsError> {
        let listener = TcpListener::bind(address).await.map_err(|source| MetricsError { address, source })?;
        Ok(MetricsServer { listener, registry })
    }

    /// Where it listens.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until dropped.
    pub async fn serve(self) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        while let Ok(permit) = permits.clone().acquire_owned().await {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let registry = self.registry.clone();
                    tokio::spawn(async move {
                        let _ = timeout(LONGEST, serve_connection(stream, registry)).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    debug!(%error, "cannot accept a metrics connection");
                    sleep(EXHAUSTED).await;
                }
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, registry: Arc<Registry>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = respond(request.method(), request.uri().path(), &registry);
        async move { Ok::<_, Infallible>(answer) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        debug!(%error, "a metrics connection broke");
    }
}

fn respond(method: &Method, path: &str, registry: &Registry) -> Response<Full<Bytes>> {
    let plain = |status, text: &'static str| (status, "text/plain; charset=utf-8", text.to_owned());
    let (status, content_type, text) = match (method, path) {
        (&Method::GET, "/metrics") => {
            let mut text = String::new();
            match encode(&mut text, registry) {
                Ok(()) => (StatusCode::OK, CONTENT_TYPE, text),
                Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written out\n"),
            }
        }
        (_, "/metrics") => plain(StatusCode::METHOD_NOT_ALLOWED, "use GET\n"),
        _ => plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::counter::Counter;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn what_is_registered_is_served() {
        let counter: Counter = Counter::default();
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register("sessions_created", "Sessions made", counter.clone());
        let server = MetricsServer::bind(([127, 0, 0, 1], 0).into(), Arc::new(registry)).await.unwrap();
        let address = server.local_address().unwrap();
        let task = tokio::spawn(server.serve());

        counter.inc_by(3);
        let answer = ask(address, "GET /metrics").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(head.contains(&format!("content-type: {CONTENT_TYPE}")), "{head}");
        let expected = "# HELP culvert_sessions_created Sessions made.\n# TYPE culvert_sessions_created counter\n\
                        culvert_sessions_created_total 3\n# EOF\n";
        assert_eq!(body, expected);

        assert!(ask(address, "POST /metrics").await.starts_with("HTTP/1.1 405"));
        assert!(ask(address, "GET /").await.starts_with("HTTP/1.1 404"));
        task.abort();
    }

    #[tokio::test]
    async fn an_address_in_use_is_told() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let error = MetricsServer::bind(address, Arc::default()).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot serve metrics at {address}: ")), "{error}");
    }
}
