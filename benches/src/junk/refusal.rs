// SPDX-License-Identifier: MIT OR Apache-2.0
//! What it costs the engine to refuse a packet, without a kernel.

use crate::engine::{Engine, EngineError};
use crate::junk::kind::Kind;
use crate::table::median;
use crate::wire::load::SUITE;
use culvert_engine::BURST;

const BURSTS: usize = 4000;
/// Before a first one counts.
const WARM: usize = 200;

/// Nanoseconds a packet, from ring to ring, in bursts of nothing else.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Of media, which is relayed.
    pub media: f64,
    /// Of each kind of junk and form.
    pub junk: [(Kind, [f64; 2]); Kind::ALL.len()],
}

impl Refusal {
    /// Measures it on the thread that calls, with so many calls: medians of bursts.
    ///
    /// # Errors
    /// When the engine cannot be had.
    pub fn measure(calls: u32) -> Result<Refusal, EngineError> {
        let mut engine = Engine::new(Some(SUITE), calls)?;
        let each = |duration: std::time::Duration| duration.as_nanos() as f64 / BURST as f64;
        let mut time = |burst: &mut dyn FnMut(&mut Engine) -> std::time::Duration| {
            let times: Vec<f64> = (0..WARM + BURSTS).map(|_| each(burst(&mut engine))).collect();
            median(&times[WARM..])
        };
        let media = time(&mut Engine::rings);
        let junk =
            Kind::ALL.map(|kind| (kind, [0, 1].map(|form| time(&mut |engine| engine.refuse(kind, form)))));
        Ok(Refusal { media, junk })
    }
}
