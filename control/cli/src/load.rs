// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carrying out `culvert load`.

use std::io::{self, IsTerminal, Write};
use std::time::SystemTime;

use culvert_load::{
    HostileKind, HostilePlan, LegPlan, Plan, Progress, Rate, Stop, Thresholds, Transport, print_ports, run,
};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::{Connection, Load, LoadSuite, LoadWay};
use crate::connect::connect;
use crate::error::CliError;
use crate::output::json;

/// What a session of its own gets: fifty packets of 20 ms.
const SESSION_RATE: f64 = 50.0;

pub(crate) async fn load(
    connection: &Connection,
    arguments: &Load,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let plan = plan(arguments);
    plan.check()?;
    let client = connect(connection).await?;
    let stop = Stop::default();
    let signals = tokio::spawn(interrupted(stop.clone())?);
    if arguments.print_ports {
        let endpoints = print_ports(&client, plan, stop, |endpoint| {
            writeln!(out, "{endpoint}")?;
            out.flush()
        });
        return Ok(endpoints.await?);
    }
    let shown = arguments.progress || (!connection.json && io::stderr().is_terminal());
    let report = run(&client, plan, stop, move |progress| {
        if shown {
            show(progress);
        }
    })
    .await;
    signals.abort();
    let report = report?;
    if let Some(path) = &arguments.html {
        std::fs::write(path, report.html())
            .map_err(|source| CliError::Write { path: path.display().to_string(), source })?;
    }
    if connection.json { json::answer(out, &report) } else { write!(out, "{report}") }?;
    let thresholds =
        Thresholds { max_loss: arguments.max_loss, max_p99: arguments.max_p99, min_rate: arguments.min_rate };
    let missed = thresholds.judge(&report);
    if missed.is_empty() { Ok(()) } else { Err(CliError::Missed(missed)) }
}

/// Ends when the user has asked for the end of the run, and has passed it on.
fn interrupted(stop: Stop) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.set();
    })
}

fn show(progress: Progress) {
    let _ = match progress {
        Progress::Sessions { made, seconds } => {
            writeln!(io::stderr(), "{made} sessions made in {seconds:.2} s")
        }
        Progress::Second(second) => writeln!(
            io::stderr(),
            "{:>5} s  sent {}  delivered {}  hostile {}",
            second.second,
            second.sent,
            second.delivered,
            second.hostile
        ),
    };
}

fn plan(arguments: &Load) -> Plan {
    let leg = |realm: &String, LoadSuite(suite), address, ports, reach| LegPlan {
        realm: realm.clone(),
        suite,
        address,
        ports,
        reach,
    };
    let rate = match arguments.rate {
        Some(rate) => Rate::Total(rate),
        None => Rate::PerSession(arguments.session_rate.unwrap_or(SESSION_RATE)),
    };
    let hostile = arguments.hostile;
    let hostile = [
        (HostileKind::Forged, hostile.forged),
        (HostileKind::Replayed, hostile.replayed),
        (HostileKind::Malformed, hostile.malformed),
        (HostileKind::Sprayed, hostile.sprayed),
        (HostileKind::Stun, hostile.stun),
        (HostileKind::UnknownPort, hostile.unknown_ports),
    ];
    let hostile = hostile.into_iter().filter_map(|(kind, share)| Some(HostilePlan { kind, share: share? }));
    Plan {
        run: arguments.run.clone().unwrap_or_else(name),
        sessions: arguments.sessions,
        legs: [
            leg(
                &arguments.a_realm,
                arguments.a_suite,
                arguments.source,
                arguments.source_ports,
                arguments.a_reach,
            ),
            leg(
                &arguments.b_realm,
                arguments.b_suite,
                arguments.sink,
                arguments.sink_ports,
                arguments.b_reach,
            ),
        ],
        both: arguments.both,
        rate,
        payload: arguments.payload,
        payload_type: arguments.payload_type,
        ramp: arguments.ramp,
        duration: arguments.duration,
        packets: arguments.packets,
        sequence: arguments.sequence,
        ssrc: arguments.ssrc,
        burst: arguments.burst,
        sample: arguments.sample,
        hostile: hostile.collect(),
        transport: match arguments.way {
            LoadWay::Sockets => Transport::Sockets,
            LoadWay::AfXdp => Transport::AfXdp { relay_mac: arguments.relay_mac },
            LoadWay::Xdp => Transport::Xdp { relay_mac: arguments.relay_mac, pool: arguments.pool },
        },
        settle: arguments.settle,
    }
}

/// No two runs of a host begin in the same microsecond under the same process number.
fn name() -> String {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    format!("{:x}-{}", since.as_micros(), std::process::id())
}
