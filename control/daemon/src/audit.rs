// SPDX-License-Identifier: MIT OR Apache-2.0
//! The audit trail, from start to stop.

use std::time::SystemTime;

use culvert_audit::{AuditError, AuditLog, DEFAULT_QUEUE, Options, Record, Start, Stop, Writer};

use crate::config;
use crate::node::Trail;

/// The trail of this run. [`AuditTrail::close`] ends it with a record that says so.
#[derive(Debug)]
pub struct AuditTrail {
    writer: Writer,
    node: String,
}

impl AuditTrail {
    /// Opens the log and notes the start; `None` when no receipts are kept.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn open(config: &config::Audit, node: String) -> Result<Option<AuditTrail>, AuditError> {
        let Some(path) = &config.file else { return Ok(None) };
        let max_file_bytes = u64::from(config.rotate_at) << 20;
        let mut log = AuditLog::open(path, Options { max_file_bytes, ..Options::default() })?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        log.append(&Record::Start(Start { time: SystemTime::now().into(), node: node.clone(), version }))?;
        Ok(Some(AuditTrail { writer: Writer::spawn(log, DEFAULT_QUEUE)?, node }))
    }

    /// For the node.
    pub fn trail(&self) -> Trail {
        Trail { node: self.node.clone(), writer: self.writer.sender() }
    }

    /// Writes what is left, and that the relay stops.
    pub fn close(self) {
        let stop = Record::Stop(Stop { time: SystemTime::now().into(), node: self.node });
        let closed = self.writer.close(Some(stop));
        match closed.error {
            None => tracing::info!(head = %closed.head, "audit trail closed"),
            Some(error) => tracing::error!(%error, lost = ?closed.lost, "receipts are lost"),
        }
    }
}
