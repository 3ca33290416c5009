// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two calls through a relay, with media clients that know nothing of Culvert, and a proof from what they recorded.
//!
//! Call 1 has SRTP on both legs, under different keys and suites; the caller changes its key halfway. Call 2 bridges
//! SRTP to plain RTP. Listeners get a copy of every packet that the callee of call 1 receives: two with wrong keys, and
//! one with the right key, to show that the copies are good.

mod audio;
mod call;
mod endpoint;
mod interrupt;
mod media;
mod network;
mod process;
mod relay;
mod report;
mod view;

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::call::{
    AEAD_AES_256_GCM, AES_256_CM_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_80, Key, Keys, leg, session,
};
use self::interrupt::Interrupt;
use self::media::{Calls, SECONDS};
use self::network::{Host, Network};
use self::relay::Relay;
use self::report::Report;
use self::view::View;
use crate::failure::{Context, Failure};
use crate::setup::{self, Group};
use crate::step;
use crate::{certs, workspace};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// On loopback with the socket back end, even as root
    #[arg(long)]
    loopback: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    setup::run(Group::Demo)?;
    step::run(
        "build",
        &mut step::cargo(["build", "--release", "--package", "culvertd", "--package", "culvert"]),
    )?;

    let directory = workspace::target_directory().join("demo");
    fs::create_dir_all(&directory).context(directory.display())?;
    certs::run(&directory.join("certs"), &[])?;

    let interrupt = Interrupt::install()?;
    let network = network(options)?;
    let mut report = Report::default();
    let relay =
        Relay::start(&network, &workspace::target_directory().join("release"), &directory, &interrupt)?;
    let outcome = place_calls(&network, &relay, &directory, &interrupt, &mut report);
    let stopped = relay.stop();
    // Ctrl-C reaches the command line that we run, too: its failure is not the news.
    interrupt.check()?;
    outcome?;
    let status = stopped?;
    report.check(status.success(), format!("culvertd stopped on SIGTERM with {status}"));
    if !network.is_loopback() {
        report.check(!network.has_xdp_program()?, "culvertd left no XDP program on the relay's interfaces");
    }
    println!("\nrecordings, configuration and log: {}", directory.display());
    report.conclude()
}

fn network(options: &Options) -> Result<Network, Failure> {
    if culvert_testbed::is_root() && !options.loopback {
        println!("==> network namespaces: caller -- [outside relay inside] -- callee, relay on AF_XDP");
        return Network::namespaces();
    }
    let why = if options.loopback { "as asked" } else { "not root, so without namespaces and AF_XDP" };
    println!("==> {why}: all on loopback, relay on the socket back end");
    Ok(Network::loopback())
}

fn place_calls(
    network: &Network,
    relay: &Relay<'_>,
    directory: &std::path::Path,
    interrupt: &Interrupt,
    report: &mut Report,
) -> Result<(), Failure> {
    describe_node(&relay.front_end(&["node", "show"])?, network, report);

    let caller = Keys::random(AES_CM_128_HMAC_SHA1_80)?;
    let callee = Keys::random(AEAD_AES_256_GCM)?;
    let bridged = Keys::random(AES_256_CM_HMAC_SHA1_80)?;
    let client = |host, call| network.client(host, call);
    let first = session(
        "call-1",
        [
            leg("outside", client(Host::Caller, 0), caller.raw(), "required"),
            leg("inside", client(Host::Callee, 0), callee.raw(), "required"),
        ],
    );
    let plain = serde_json::json!({"plain": {}});
    let second = session(
        "call-2",
        [
            leg("outside", client(Host::Caller, 1), bridged.sdes(), "required"),
            leg("inside", client(Host::Callee, 1), plain, "not_supported"),
        ],
    );
    let create = |session: &Value| {
        relay.front_end_with_input(&["session", "create", "--file", "-"], &session.to_string())
    };
    let sessions = [create(&first)?, create(&second)?];

    println!("==> two calls of {SECONDS} s, both directions at once");
    let mut calls = Calls::start(network, &sessions, [&caller, &callee, &bridged], directory, interrupt)?;
    calls.play()?;
    let counted = watch(&mut calls, relay, &caller, interrupt)?;
    let heard = calls.finish(interrupt)?;
    for id in ["call-1", "call-2"] {
        relay.front_end(&["session", "delete", id])?;
    }
    heard.report(report)?;
    report_counters(&counted, report);
    Ok(())
}

/// Shows the counters until everything was said; halfway the caller of call 1 gets a new key. Returns the last
/// counters.
fn watch(
    calls: &mut Calls,
    relay: &Relay<'_>,
    caller: &Keys,
    interrupt: &Interrupt,
) -> Result<Value, Failure> {
    let began = Instant::now();
    let mut view = View::default();
    let mut rekeyed = false;
    loop {
        interrupt.check()?;
        let sessions = relay.front_end(&["session", "list"])?;
        view.draw(&sessions, began.elapsed());
        if calls.have_played()? {
            return Ok(sessions);
        }
        if began.elapsed() > Duration::from_secs(3 * SECONDS as u64) {
            return Err(Failure::new("the media clients do not come to an end"));
        }
        if !rekeyed && began.elapsed() > Duration::from_secs(SECONDS as u64 / 2) {
            rekey(calls, relay, caller)?;
            rekeyed = true;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// The relay first, then the caller: what is in flight under the old key still passes.
fn rekey(calls: &mut Calls, relay: &Relay<'_>, caller: &Keys) -> Result<(), Failure> {
    let keys = Keys { send: Key::random(caller.suite)?, ..caller.clone() };
    let update = serde_json::json!({
        "session_id": "call-1",
        "legs": [{"media": 0, "leg": 0, "protection": keys.raw_receive_only()}],
    });
    relay.front_end_with_input(&["session", "update", "--file", "-"], &update.to_string())?;
    calls.change_caller_key(&keys.send)
}

fn describe_node(node: &Value, network: &Network, report: &mut Report) {
    let backend = node["backend"].as_str().unwrap_or("?");
    let mut modes = Vec::new();
    for interface in node["interfaces"].as_array().into_iter().flatten() {
        let mode = interface["mode"].as_str().unwrap_or_default();
        let name = interface["name"].as_str().unwrap_or("?");
        println!("    {name}: {}", if mode.is_empty() { "without XDP" } else { mode });
        modes.push(mode.to_owned());
    }
    if network.is_loopback() {
        report.check(backend == "socket", format!("the relay runs on the {backend} back end"));
    } else {
        let steered = modes.len() == 2 && modes.iter().all(|mode| !mode.is_empty());
        let text = format!("the relay runs on AF_XDP, its program attached in mode {}", modes.join(" and "));
        report.check(backend == "xdp" && steered, text);
    }
}

fn report_counters(sessions: &Value, report: &mut Report) {
    let legs: Vec<&Value> = ["/sessions/0", "/sessions/1"]
        .iter()
        .flat_map(|session| [0, 1].map(|leg| format!("{session}/media/0/legs/{leg}")))
        .filter_map(|path| sessions.pointer(&path))
        .collect();
    let total = |leg: &Value| view::drops(&leg["received"]).map(|(_, count)| count).sum::<u64>();
    let drops: u64 = legs.iter().map(|leg| total(leg)).sum();
    let packets: u64 = legs.iter().filter_map(|leg| leg["received"]["packets"].as_u64()).sum();
    report.check(
        legs.len() == 4 && drops == 0,
        format!("the relay passed {packets} packets on {} legs and dropped {drops}", legs.len()),
    );
    let rekeys = legs.first().and_then(|leg| leg["rekeys"].as_u64()).unwrap_or_default();
    report.check(rekeys == 1, format!("the caller's key of call 1 was changed in mid-call: {rekeys} re-key"));
}
