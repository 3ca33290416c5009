// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lets a request through to the services only when its sender's roles allow the method.

use std::task::{Context, Poll};

use futures::future::{Either, Ready, ready};
use http::{Request, Response};
use tonic::Status;
use tower::{Layer, Service};
use tracing::warn;

use super::{Denial, HandshakeMetrics, Identity, Peer};
use crate::roles::{self, Access};

/// Who calls, and whose sessions the call may touch. In the extensions of every request that gets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who calls.
    pub identity: Identity,
    /// Whose sessions it may touch.
    pub access: Access,
}

/// Puts [`Authorize`] around services: `Server::builder().layer(AuthorizeLayer::new(metrics))`.
#[derive(Debug, Clone)]
pub struct AuthorizeLayer {
    metrics: HandshakeMetrics,
}

impl AuthorizeLayer {
    /// Counts what it denies in `metrics`.
    pub fn new(metrics: HandshakeMetrics) -> AuthorizeLayer {
        AuthorizeLayer { metrics }
    }
}

/// Answers PERMISSION_DENIED to what the sender's roles do not allow, and adds a [`Caller`] to what they do. Needs the
/// [`Peer`] that [`ControlStream`](super::ControlStream)s bear: without one, nothing is allowed.
#[derive(Debug, Clone)]
pub struct Authorize<S> {
    inner: S,
    metrics: HandshakeMetrics,
}

impl<S> Layer<S> for AuthorizeLayer {
    type Service = Authorize<S>;

    fn layer(&self, inner: S) -> Authorize<S> {
        Authorize { inner, metrics: self.metrics.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for Authorize<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<R>, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match authorize(&request, &self.metrics) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                Either::Left(self.inner.call(request))
            }
            Err(status) => Either::Right(ready(Ok(status.into_http()))),
        }
    }
}

fn authorize<B>(request: &Request<B>, metrics: &HandshakeMetrics) -> Result<Caller, Status> {
    let method = request.uri().path();
    let peer =
        request.extensions().get::<Peer>().ok_or_else(|| Status::unauthenticated("no client certificate"))?;
    let identity = peer.identity.clone();
    match roles::authorize(peer.roles, method) {
        Some(access) => Ok(Caller { identity, access }),
        None => {
            warn!(%identity, roles = ?peer.roles, method, "request refused");
            let message = match peer.roles.is_empty() {
                true => {
                    metrics.count_denied(Denial::UnknownIdentity);
                    format!("{identity} has no role on this relay; the operator can add it as a [[role]]")
                }
                false => {
                    metrics.count_denied(Denial::Role);
                    format!("the roles of {identity}, {:?}, do not allow {method}", peer.roles)
                }
            };
            Err(Status::permission_denied(message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::{Role, Roles};
    use tower::{ServiceExt as _, service_fn};

    /// The status in the answer, or who called.
    async fn call(metrics: &HandshakeMetrics, peer: Option<&[Role]>, method: &str) -> Result<Caller, Status> {
        let inner = service_fn(async |request: Request<()>| {
            let caller = request.extensions().get::<Caller>().unwrap().clone();
            let mut response = Response::new(());
            response.extensions_mut().insert(caller);
            Ok::<_, std::convert::Infallible>(response)
        });
        let mut request = Request::builder().uri(method).body(()).unwrap();
        if let Some(roles) = peer {
            let address = "192.0.2.1:1".parse().unwrap();
            let roles = roles.iter().copied().collect::<Roles>();
            request.extensions_mut().insert(Peer { identity: "a.test".into(), roles, address });
        }
        let mut response = AuthorizeLayer::new(metrics.clone()).layer(inner).oneshot(request).await.unwrap();
        response
            .extensions_mut()
            .remove::<Caller>()
            .ok_or_else(|| response.extensions_mut().remove().unwrap())
    }

    #[tokio::test]
    async fn only_what_the_roles_allow_gets_through() {
        let metrics = HandshakeMetrics::new();
        let get_node = "/culvert.v1.Relay/GetNode";
        let caller = |access| Caller { identity: "a.test".into(), access };
        assert_eq!(call(&metrics, Some(&[Role::Operator]), get_node).await.unwrap(), caller(Access::All));
        assert_eq!(call(&metrics, Some(&[Role::Metrics]), get_node).await.unwrap(), caller(Access::Own));

        let denied = call(&metrics, Some(&[Role::FrontEnd]), get_node).await.unwrap_err();
        assert_eq!(denied.code(), tonic::Code::PermissionDenied);
        assert_eq!(
            denied.message(),
            r#"the roles of a.test, {"front_end"}, do not allow /culvert.v1.Relay/GetNode"#
        );

        let nobody = call(&metrics, Some(&[]), get_node).await.unwrap_err();
        assert_eq!(nobody.code(), tonic::Code::PermissionDenied);
        let expected = "a.test has no role on this relay; the operator can add it as a [[role]]";
        assert_eq!(nobody.message(), expected);

        assert_eq!(call(&metrics, None, get_node).await.unwrap_err().code(), tonic::Code::Unauthenticated);
        assert_eq!(Denial::ALL.map(|denial| metrics.denied(denial)), [1, 1]);
    }
}
