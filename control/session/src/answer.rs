// SPDX-License-Identifier: MIT OR Apache-2.0
//! What changes come to.

use crate::{Effect, SessionView};

/// Answer to [`Sessions::create`](crate::Sessions::create).
#[derive(Clone, Debug)]
pub struct Created {
    /// The session as it stands.
    pub view: SessionView,
    /// Empty when the session was there already.
    pub effects: Vec<Effect>,
    /// The same request had made it before.
    pub existed: bool,
}

/// Answer to [`Sessions::update`](crate::Sessions::update) and [`Sessions::delete`](crate::Sessions::delete).
#[derive(Clone, Debug)]
pub struct Changed {
    /// The session after the update, or before it was deleted.
    pub view: SessionView,
    /// What must happen now.
    pub effects: Vec<Effect>,
}
