// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the relay answered, for people and for programs.

pub(crate) mod audit;
pub(crate) mod credentials;
pub(crate) mod doctor;
pub(crate) mod event;
mod explanation;
#[cfg(test)]
pub(crate) mod fixture;
mod histogram;
pub(crate) mod json;
pub(crate) mod keys;
mod model;
mod node;
mod protection;
mod session;
pub(crate) mod table;
mod text;

pub(crate) use event::Event;
pub(crate) use explanation::Explanation;
pub(crate) use model::{Endpoint, media_kind, time};
pub(crate) use node::{Drained, Node};
pub(crate) use protection::Protection;
pub(crate) use session::{Ended, Session, SessionList};
