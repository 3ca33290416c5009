// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions, media and legs: a pure state machine.
//!
//! [`Sessions`] takes requests as a front end words them, checks all that the relay promises about them, allots ports
//! and workers, and answers with the session as it stands and the [`Effect`]s that make the engine follow. It does no
//! input or output, knows no clock, and keeps no key: keys pass through into effects, and what stays is a keyed
//! fingerprint, by which a key is known again.

mod address;
pub mod admission;
mod answer;
mod authority;
mod config;
mod draft;
mod effect;
mod error;
mod fingerprint;
mod flow;
mod issue;
mod key_register;
mod keys;
mod leg;
mod level;
mod locals;
mod name;
mod page;
mod policy;
mod ports;
pub mod quality;
mod remote;
mod request;
mod reuse;
pub mod sdes;
mod session;
mod sessions;
mod update;
mod view;
pub mod watch;
mod withdraw;

pub use answer::{Changed, Created};
pub use authority::{Authority, AuthorityState};
pub use config::{ConfigError, NodeConfig, PeerClass, Realm, RealmAddress};
pub use culvert_mras::MediaKind;
pub use effect::Effect;
pub use error::{ErrorKind, SessionError};
pub use fingerprint::KeyId;
pub use flow::{ClearPermit, Component, Egress, FlowKey, FlowSpec, Ingress, Keys, Side, Source};
pub use issue::{FreshKeys, IssueRequest, ParticipantKeys};
pub use level::{Disagreement, Resolution};
pub use name::{Caller, Owner, SessionId};
pub use page::Page;
pub use request::{
    EncryptionLevel, EndpointRequest, KeyMaterial, LegRequest, LegUpdate, MediaRequest, ProtectionRequest,
    RemoteRequest, SessionRequest, SourceRule, SrtpKeys, Traffic, UpdateRequest,
};
pub use sessions::{RealmUsage, Sessions};
pub use view::{LegView, MediaView, Remote, SessionView};
pub use withdraw::Withdrawn;
