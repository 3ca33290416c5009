// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert.v1.Relay`: messages in, answers out. Decisions are the node's.

mod answer;
pub(crate) mod capacity;
mod explain;
mod mras;
pub(crate) mod node;
mod protection;
mod request;
mod top;
mod watch;

use std::sync::Arc;

use culvert_api::v1;
use culvert_api::v1::relay_server::Relay;
use culvert_session::{Caller, FlowKey, Owner, SessionView};
use tonic::{Request, Response, Status};

pub use mras::MrasService;

use crate::node::{Node, NodeError};
use crate::plane::PlaneError;
use crate::roles::Access;
use crate::tls::{self, LinkRegister};

/// Sessions of a page that are rendered under the node's lock without a break.
const RENDERED_AT_A_TIME: usize = 64;

/// The service, for clients that the accept loop has identified.
#[derive(Clone, Debug)]
pub struct RelayService {
    node: Arc<Node>,
    about: Arc<About>,
    links: LinkRegister,
}

/// What a node says about itself that never changes.
#[derive(Debug)]
pub struct About {
    /// Interface of each realm, by its name, with its addresses as text.
    pub realms: Vec<AboutRealm>,
    /// As [`fips::report`](crate::fips::report) has it.
    pub fips: String,
}

/// A realm as configured.
#[derive(Clone, Debug)]
pub struct AboutRealm {
    /// Its name.
    pub name: String,
    /// Its interface; empty with sockets, when none is configured.
    pub interface: String,
    /// Local addresses.
    pub addresses: Vec<String>,
    /// What is signalled instead, in the same order.
    pub advertised: Vec<String>,
}

impl RelayService {
    /// A service of a node.
    pub fn new(node: Arc<Node>, about: About, links: LinkRegister) -> RelayService {
        RelayService { node, about: Arc::new(about), links }
    }

    fn render(&self, view: &SessionView) -> v1::Session {
        self.node.read(|inner| answer::session(view, &inner.plane, |key| inner.plane.counters(key).cloned()))
    }

    /// The same of many, some at a time: each turn waits for those who ask for the lock, and they wait for each turn.
    fn render_all(&self, views: &[SessionView]) -> Vec<v1::Session> {
        let mut sessions = Vec::with_capacity(views.len());
        for turn in views.chunks(RENDERED_AT_A_TIME) {
            self.node.read(|inner| {
                let counters = |key: &FlowKey| inner.plane.counters(key).cloned();
                sessions.extend(turn.iter().map(|view| answer::session(view, &inner.plane, counters)));
            });
        }
        sessions
    }
}

/// Who asks, as the authorizing layer has found.
fn caller<T>(request: &Request<T>) -> Result<(Owner, Caller), Status> {
    let caller = request.extensions().get::<tls::Caller>().ok_or_else(|| {
        Status::unauthenticated("the connection has no identity: connect with a client certificate")
    })?;
    let owner = Owner::new(caller.identity.as_str());
    let sees = match caller.access {
        Access::All => Caller::Operator,
        Access::Own => Caller::FrontEnd(owner.clone()),
    };
    Ok((owner, sees))
}

fn refused(error: NodeError) -> Status {
    match error {
        NodeError::Session(error) => answer::status(&error),
        NodeError::Plane(
            error @ (PlaneError::Busy { .. }
            | PlaneError::NoSlot { .. }
            | PlaneError::Endpoint { .. }
            | PlaneError::Probed { .. }),
        ) => {
            tracing::warn!(%error, "a request was put off");
            Status::unavailable(error.to_string())
        }
        NodeError::Plane(error) => {
            tracing::error!(%error, "a request could not be carried out");
            Status::internal(error.to_string())
        }
    }
}

#[tonic::async_trait]
impl Relay for RelayService {
    async fn create_session(
        &self,
        request: Request<v1::CreateSessionRequest>,
    ) -> Result<Response<v1::CreateSessionResponse>, Status> {
        let (owner, _) = caller(&request)?;
        let request = request::create(request.into_inner()).map_err(|error| answer::status(&error))?;
        let view = self.node.create(&owner, &request).map_err(refused)?;
        Ok(Response::new(v1::CreateSessionResponse { session: Some(self.render(&view)) }))
    }

    async fn update_session(
        &self,
        request: Request<v1::UpdateSessionRequest>,
    ) -> Result<Response<v1::UpdateSessionResponse>, Status> {
        let (_, caller) = caller(&request)?;
        let request = request::update(request.into_inner()).map_err(|error| answer::status(&error))?;
        let view = self.node.update(&caller, &request).map_err(refused)?;
        Ok(Response::new(v1::UpdateSessionResponse { session: Some(self.render(&view)) }))
    }

    async fn get_session(
        &self,
        request: Request<v1::GetSessionRequest>,
    ) -> Result<Response<v1::GetSessionResponse>, Status> {
        let (_, caller) = caller(&request)?;
        let id = request.into_inner().session_id;
        let view = self
            .node
            .read(|inner| inner.sessions.get(&caller, &id))
            .map_err(|error| answer::status(&error))?;
        Ok(Response::new(v1::GetSessionResponse { session: Some(self.render(&view)) }))
    }

    async fn list_sessions(
        &self,
        request: Request<v1::ListSessionsRequest>,
    ) -> Result<Response<v1::ListSessionsResponse>, Status> {
        let (_, caller) = caller(&request)?;
        let asked = request.into_inner();
        let page = self
            .node
            .read(|inner| inner.sessions.list(&caller, asked.page_size, &asked.page_token))
            .map_err(|error| answer::status(&error))?;
        Ok(Response::new(v1::ListSessionsResponse {
            sessions: self.render_all(&page.sessions),
            next_page_token: page.next_page_token,
            total: page.total as u64,
        }))
    }

    async fn delete_session(
        &self,
        request: Request<v1::DeleteSessionRequest>,
    ) -> Result<Response<v1::DeleteSessionResponse>, Status> {
        let (_, caller) = caller(&request)?;
        let id = request.into_inner().session_id;
        let deleted = self.node.delete(&caller, &id).await.map_err(refused)?;
        let session = self.node.read(|inner| {
            answer::session(&deleted.view, &inner.plane, |key: &FlowKey| deleted.counters.get(key).cloned())
        });
        let receipt = deleted.receipt.unwrap_or_default();
        Ok(Response::new(v1::DeleteSessionResponse { session: Some(session), receipt }))
    }

    type WatchEventsStream = watch::Events;

    async fn watch_events(
        &self,
        request: Request<v1::WatchEventsRequest>,
    ) -> Result<Response<watch::Events>, Status> {
        let (_, caller) = caller(&request)?;
        let id = request.into_inner().session_id;
        // Subscribed before the check, so that nothing between the two is missed.
        let happenings = self.node.subscribe();
        if !id.is_empty() {
            self.node
                .read(|inner| inner.sessions.get(&caller, &id))
                .map_err(|error| answer::status(&error))?;
        }
        Ok(Response::new(watch::events(happenings, caller, id)))
    }

    async fn get_protection(
        &self,
        request: Request<v1::GetProtectionRequest>,
    ) -> Result<Response<v1::GetProtectionResponse>, Status> {
        let (_, caller) = caller(&request)?;
        let answer = protection::answer(&self.node, &self.links, &caller, &request.into_inner());
        Ok(Response::new(answer.map_err(|error| answer::status(&error))?))
    }

    async fn explain_session(
        &self,
        request: Request<v1::ExplainSessionRequest>,
    ) -> Result<Response<v1::ExplainSessionResponse>, Status> {
        let (_, caller) = caller(&request)?;
        Ok(Response::new(explain::answer(&self.node, &caller, request.into_inner()).await?))
    }

    async fn top_sessions(
        &self,
        request: Request<v1::TopSessionsRequest>,
    ) -> Result<Response<v1::TopSessionsResponse>, Status> {
        let (_, caller) = caller(&request)?;
        let answer = top::answer(&self.node, &caller, &request.into_inner());
        Ok(Response::new(answer.map_err(|error| answer::status(&error))?))
    }

    async fn get_node(
        &self,
        _: Request<v1::GetNodeRequest>,
    ) -> Result<Response<v1::GetNodeResponse>, Status> {
        Ok(Response::new(node::status(&self.node, &self.about)?))
    }

    async fn drain(&self, request: Request<v1::DrainRequest>) -> Result<Response<v1::DrainResponse>, Status> {
        let draining = request.into_inner().draining;
        let sessions = self.node.drain(draining) as u64;
        tracing::info!(draining, sessions, "drain");
        Ok(Response::new(v1::DrainResponse { draining, sessions }))
    }
}
