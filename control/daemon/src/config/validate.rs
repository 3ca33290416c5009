// SPDX-License-Identifier: MIT OR Apache-2.0
//! What cannot be, though each value by itself is well formed. Nothing here looks at the host.

mod realms;

use std::collections::HashSet;
use std::time::Duration;

use super::{Config, Engine, Problem, Problems, RoleEntry, Severity, mras, read::Read};
use crate::logging;

/// Frames of a burst that the kernel can be told at least (TX_BATCH_SIZE of net/xdp/xsk.c).
const LEAST_TRANSMIT_BUDGET: u32 = 32;

/// No back end of any host takes longer for a packet.
const DEAREST_PACKET: Duration = Duration::from_millis(1);

pub(super) fn validate(read: Read) -> Result<Config, Problems> {
    let Read { mut config, problems: read_problems, .. } = read;
    let mut problems = Vec::new();
    numbers(&config, &mut problems);
    roles(&config, &mut problems);
    metrics(&config, &mut problems);
    engine(&config, &mut problems);
    realms::check(&config, &mut problems);
    mras::validate(&config, &mut problems);
    if let Err(message) = logging::check_level(&config.log.level) {
        problems.push(config.positions.error("log.level", message));
    }
    // Of a value that could not be read only the stand-in was looked at.
    problems.retain(|found| !read_problems.iter().any(|earlier| earlier.key.starts_with(&found.key)));
    problems.extend(read_problems);
    let problems = Problems::new(problems);
    if problems.fatal() {
        return Err(problems);
    }
    config.warnings =
        problems.iter().filter(|problem| problem.severity == Severity::Warning).cloned().collect();
    Ok(config)
}

fn numbers(config: &Config, problems: &mut Vec<Problem>) {
    let positions = &config.positions;
    for (key, zero) in [
        ("node.max_sessions", config.node.max_sessions == 0),
        ("node.max_flows", config.node.max_flows == 0),
        ("control.max_handshakes", config.control.max_handshakes == 0),
        ("control.max_connections", config.control.max_connections == 0),
        ("control.handshake_timeout", config.control.handshake_timeout.is_zero()),
        ("engine.workers", config.engine.workers == 0),
        ("media.timeout", config.media.timeout.is_zero()),
        ("media.authentication_failure_rate", config.media.authentication_failure_rate == 0),
    ] {
        if zero {
            problems.push(positions.error(key, "must not be 0"));
        }
    }
    if !(1..=256).contains(&config.media.max_ssrcs) {
        problems.push(positions.error("media.max_ssrcs", "must be from 1 to 256"));
    }
    if !(1..=48).contains(&config.media.key_expiry_warning) {
        problems.push(positions.error("media.key_expiry_warning", "must be from 1 to 48"));
    }
    let limit = config.admission.limit;
    if !(limit > 0.0 && limit <= 1.0) {
        problems
            .push(positions.error("admission.limit", format!("must be above 0 and at most 1, not {limit}")));
    }
    if config.admission.packet_cost > DEAREST_PACKET {
        problems.push(positions.error("admission.packet_cost", "must be at most \"1ms\""));
    }
    if config.control.listen.port() == 0 {
        problems.push(positions.error("control.listen", "must have a port other than 0"));
    }
}

fn roles(config: &Config, problems: &mut Vec<Problem>) {
    let positions = &config.positions;
    if config.roles.is_empty() {
        let message = "nobody may use the control interface; add a [[role]] for each front end and operator";
        problems.push(positions.warning("role", message));
    }
    let mut seen = HashSet::new();
    for (index, entry) in config.roles.iter().enumerate() {
        if let Some(message) = wrong_identity(entry) {
            problems.push(positions.error(format!("role[{index}].identity"), message));
        } else if !seen.insert(entry.identity.to_ascii_lowercase()) {
            let message = format!("{:?} is there twice; give all its roles in one place", entry.identity);
            problems.push(positions.error(format!("role[{index}].identity"), message));
        }
        if entry.roles.is_empty() {
            let message = "must name at least one of \"front_end\", \"operator\", \"metrics\"";
            problems.push(positions.error(format!("role[{index}].roles"), message));
        }
    }
}

fn wrong_identity(entry: &RoleEntry) -> Option<&'static str> {
    let identity = entry.identity.as_str();
    if identity.is_empty() {
        return Some("must be a DNS name, URI or e-mail address as in the client certificate's SAN");
    }
    if identity.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some("must not contain white space");
    }
    let domain = identity.strip_prefix("*.");
    if domain.unwrap_or(identity).contains('*') {
        return Some("may have a * only as its whole first label, as in \"*.example.org\"");
    }
    if domain.is_some_and(|domain| !domain.contains('.') || domain.starts_with('.') || domain.ends_with('.'))
    {
        return Some("must have a domain of at least two labels after the *, as in \"*.example.org\"");
    }
    None
}

fn metrics(config: &Config, problems: &mut Vec<Problem>) {
    let remote = config.metrics.listen.filter(|listen| !listen.ip().is_loopback());
    if let Some(listen) = remote
        && !config.metrics.allow_remote
    {
        let message = format!(
            "{listen} can be reached from outside, without encryption or authentication; use a loopback address, or set \
             allow_remote = true"
        );
        problems.push(config.positions.error("metrics.listen", message));
    }
    if config.metrics.listen == Some(config.control.listen) {
        problems.push(config.positions.error("metrics.listen", "must differ from control.listen"));
    }
}

fn engine(config: &Config, problems: &mut Vec<Problem>) {
    let engine = &config.engine;
    let mut error =
        |key: &str, message: String| problems.push(config.positions.error(format!("engine.{key}"), message));
    for (key, size) in [
        ("receive_ring", engine.receive_ring),
        ("transmit_ring", engine.transmit_ring),
        ("fill_ring", engine.fill_ring),
        ("completion_ring", engine.completion_ring),
    ] {
        if !size.is_power_of_two() || !(64..=65_536).contains(&size) {
            error(key, format!("must be a power of two from 64 to 65536, not {size}"));
        }
    }
    if ![2048, 4096].contains(&engine.frame_size) {
        error("frame_size", format!("must be 2048 or 4096, not {}", engine.frame_size));
    }
    let least = least_frames(engine);
    if engine.frames < least {
        error("frames", format!("must be at least {least}, enough to fill the receive and transmit rings"));
    }
    if let Some(budget) = engine.transmit_budget
        && !(LEAST_TRANSMIT_BUDGET..=engine.transmit_ring).contains(&budget)
    {
        let ring = engine.transmit_ring;
        error(
            "transmit_budget",
            format!("must be 0, or from {LEAST_TRANSMIT_BUDGET} to transmit_ring ({ring})"),
        );
    }
    if !engine.cores.is_empty() && u32::try_from(engine.cores.len()) != Ok(engine.workers) {
        let message = format!(
            "names {} CPUs for {} workers; name one each, or none",
            engine.cores.len(),
            engine.workers
        );
        error("cores", message);
    }
    let mut seen = HashSet::new();
    if let Some((index, core)) = engine.cores.iter().enumerate().find(|(_, core)| !seen.insert(**core)) {
        error(&format!("cores[{index}]"), format!("CPU {core} is there twice; give each worker its own"));
    }
}

/// What one queue can hold at a time.
fn least_frames(engine: &Engine) -> u32 {
    engine.fill_ring.saturating_add(engine.transmit_ring)
}
