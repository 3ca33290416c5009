// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert load` against a relay of plain RTP: what it writes, and how it ends.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};

use culvert_api::v1;
use serde_json::Value;

use crate::relay::{Bed, json_of, output};

const PLAIN: &str = "load --a-realm outside --b-realm inside --a-suite plain --b-suite plain --source 127.0.0.1 \
                     --sink 127.0.0.1 --settle 300ms --sample 1";

/// Two sockets that pass on from leg A to leg B as long as the program runs. In a run called `lossy` every tenth packet is
/// lost.
pub(crate) fn relayed(request: &v1::CreateSessionRequest) -> Vec<v1::MediaStatus> {
    let sockets = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let leg = |socket: &UdpSocket| {
        let port = socket.local_addr().unwrap().port().into();
        let local = v1::Endpoint { address: "127.0.0.1".to_owned(), port };
        v1::LegStatus { local_rtp: Some(local), ..v1::LegStatus::default() }
    };
    let legs = sockets.iter().map(leg).collect();
    let remote = request.media[0].legs[1].remote.clone().unwrap().rtp.unwrap();
    let lossy = request.session_id.starts_with("load-lossy-");
    std::thread::spawn(move || {
        let [a, b] = sockets;
        let (mut buffer, mut number) = ([0; 2048], 0u64);
        while let Ok((length, _)) = a.recv_from(&mut buffer) {
            number += 1;
            if !(lossy && number % 10 == 0) {
                b.send_to(&buffer[..length], (remote.address.as_str(), remote.port as u16)).unwrap();
            }
        }
    });
    vec![v1::MediaStatus { legs, ..v1::MediaStatus::default() }]
}

fn deleted(bed: &Bed) -> Vec<String> {
    let mut deleted = bed.relay.deleted.lock().unwrap().clone();
    deleted.sort();
    deleted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_run_reports_in_text_json_and_html() {
    let bed = Bed::new().await;
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("report.html");
    let line = format!(
        "--json {PLAIN} --run seven --sessions 2 --packets 20 --rate 200 --max-loss 0% --max-p99 10s --html {}",
        page.display()
    );
    let done = bed.run(&line).await;
    let report = json_of(&done);
    assert_eq!(String::from_utf8(done.stderr).unwrap(), "", "no progress with --json");
    assert_eq!((&report["run"], &report["interrupted"]), (&"seven".into(), &false.into()));
    assert_eq!(report["sessions"]["protection"], serde_json::json!(["plain", "plain"]));
    let direction = &report["directions"][0];
    for (name, value) in [("sent", 20), ("delivered", 20), ("lost", 0), ("duplicates", 0)] {
        assert_eq!(direction[name], value, "{name}");
    }
    assert_eq!(direction["samples"], serde_json::json!({"checked": 20, "unauthentic": 0, "different": 0}));
    assert_eq!(direction["latency"]["count"], 20);
    assert!(std::fs::read_to_string(page).unwrap().contains("<h1>culvert load: seven</h1>"));
    assert_eq!(deleted(&bed), ["load-seven-0", "load-seven-1"]);
    let expected = bed.relay.created.lock().unwrap()[0].media[0].expected;
    assert_eq!(expected, Some(v1::Traffic { packets_per_second: 100, payload_bytes: 160 }));

    let text = bed.run(&format!("{PLAIN} --run eight --packets 20 --rate 200 --progress")).await;
    assert_eq!(text.status.code(), Some(0));
    let (out, err) = (String::from_utf8(text.stdout).unwrap(), String::from_utf8(text.stderr).unwrap());
    assert!(out.starts_with("run eight: 1 sessions (plain to plain, made in "), "{out}");
    assert!(out.contains("\na_to_b: sent 20 ("), "{out}");
    assert!(
        err.starts_with("1 sessions made in ") && err.contains("\n    1 s  sent 20  delivered 20"),
        "{err}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_missed_threshold_ends_with_5_after_the_report() {
    let bed = Bed::new().await;
    let run = |thresholds: &str| format!("--json {PLAIN} --run lossy --packets 100 --rate 400 {thresholds}");
    let missed = bed.run(&run("--max-loss 9.9%")).await;
    assert_eq!(missed.status.code(), Some(5));
    let report: Value = serde_json::from_slice(&missed.stdout).unwrap();
    assert_eq!(
        (&report["directions"][0]["lost"], &report["directions"][0]["loss"]),
        (&10.into(), &0.1.into())
    );
    let error: Value = serde_json::from_slice(&missed.stderr).unwrap();
    assert_eq!(error["error"]["kind"], "threshold");
    assert_eq!(error["error"]["message"], "a_to_b: 10 % lost, more than 9.9 %");
    for (thresholds, code) in [("--max-loss 10%", 0), ("--max-p99 1ns", 5), ("--min-rate 1000000", 5)] {
        assert_eq!(bed.run(&run(thresholds)).await.status.code(), Some(code), "{thresholds}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_cannot_be_is_refused_before_the_relay_is_asked() {
    let bed = Bed::new().await;
    for (line, message) in [
        (format!("{PLAIN} --sessions 0"), "error: sessions: take 1 to 1,000,000\n"),
        (
            format!("{PLAIN} --forged 10%"),
            "error: forged: leg A is plain RTP, which has no tags: give it a suite\n",
        ),
        (
            format!("{PLAIN} --payload 9000"),
            "error: payload: take 1 to 1,400 bytes, which a frame has room for\n",
        ),
    ] {
        let refused = bed.run(&line).await;
        assert_eq!(refused.status.code(), Some(2), "{line}");
        assert_eq!(String::from_utf8(refused.stderr).unwrap(), message);
    }
    // 192.0.2.0/24 is nobody's (RFC 5737).
    let refused = bed.run(&PLAIN.replace("--source 127.0.0.1", "--source 192.0.2.1")).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("it is no address of this host"));
    assert!(bed.relay.created.lock().unwrap().is_empty());
}

/// The program as soon as it has written its first line, and the line.
fn started(mut command: Command, of: fn(&mut Child) -> Box<dyn std::io::Read + Send>) -> (Child, String) {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(1, of(&mut child)).read_line(&mut line).unwrap();
    (child, line)
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_run_deletes_its_sessions_and_reports() {
    for name in ["INT", "TERM"] {
        let bed = Bed::new().await;
        let command = bed.command(&format!("--json {PLAIN} --run long --duration 1h --progress"));
        let interrupted = tokio::task::spawn_blocking(move || {
            let (child, line) = started(command, |child| Box::new(child.stderr.take().unwrap()));
            assert!(line.starts_with("1 sessions made in "), "{line}");
            signal(&child, name);
            child.wait_with_output().unwrap()
        });
        let done = interrupted.await.unwrap();
        assert_eq!(done.status.code(), Some(0), "{name}");
        let report: Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!(report["interrupted"], true);
        assert_eq!(deleted(&bed), ["load-long-0"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_are_printed_and_kept_until_the_end() {
    let bed = Bed::new().await;
    let command = bed.command(&format!("{PLAIN} --run ports --print-ports"));
    let relay = bed.relay.clone();
    let printed = tokio::task::spawn_blocking(move || {
        let (child, line) = started(command, |child| Box::new(child.stdout.take().unwrap()));
        assert!(line.starts_with("127.0.0.1:") && line.ends_with('\n'), "{line}");
        assert!(relay.deleted.lock().unwrap().is_empty());
        signal(&child, "INT");
        child.wait_with_output().unwrap()
    });
    assert_eq!(printed.await.unwrap().status.code(), Some(0));
    assert_eq!(deleted(&bed), ["load-ports-0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn help_explains_exit_code_5() {
    let bed = Bed::new().await;
    let help = output(bed.command("load --help"), "").await;
    let help = String::from_utf8(help.stdout).unwrap();
    for part in ["5  a threshold was missed", "--max-loss <SHARE>", "--unknown-ports", "load-RUN-NUMBER"] {
        assert!(help.contains(part), "{part} is not in:\n{help}");
    }
}
