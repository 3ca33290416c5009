// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who takes part.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use culvert_srtp::Path;

use crate::crypto::case::Case;
use crate::crypto::culvert::Culvert;
use crate::crypto::error::CryptoError;
use crate::crypto::frames::{Frames, Slot};
use crate::crypto::library::Library;
use crate::crypto::rival::Rival;

/// Contexts of a case, in use.
pub trait Contender: Debug {
    /// Re-keys the packets of the frames in calls of `burst`, puts the new lengths into the slots, and says how long the
    /// calls took. What a relay would have at hand anyway, such as an array of packets, is made before the clock runs.
    fn run(&mut self, frames: &mut Frames, slots: &mut [Slot], burst: usize) -> Duration;
}

/// Someone who can make contexts.
#[derive(Clone, Debug)]
pub struct Entrant {
    /// Its name in tables and filters.
    pub name: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Culvert(Path),
    Rival(Arc<Library>),
}

impl Entrant {
    /// Culvert on the path that it takes by itself.
    pub fn culvert() -> Entrant {
        Entrant { name: "culvert".into(), kind: Kind::Culvert(Path::chosen()) }
    }

    /// Culvert on each path that this processor has.
    pub fn culvert_paths() -> impl Iterator<Item = Entrant> {
        Path::ALL
            .into_iter()
            .filter(|path| path.is_available())
            .map(|path| Entrant { name: format!("culvert/{path}"), kind: Kind::Culvert(path) })
    }

    /// Another library.
    pub fn rival(library: Arc<Library>) -> Entrant {
        Entrant { name: library.name().into(), kind: Kind::Rival(library) }
    }

    /// Makes contexts.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn enter(&self, case: Case) -> Result<Box<dyn Contender>, CryptoError> {
        Ok(match &self.kind {
            Kind::Culvert(path) => Box::new(Culvert::new(*path, case)?),
            Kind::Rival(library) => Box::new(Rival::new(library.relay(case)?)),
        })
    }
}
