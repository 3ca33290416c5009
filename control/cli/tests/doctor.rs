// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert doctor`: verdicts, the commands that it shows, and exit codes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::process::{Command, Output};

use culvert_testbed::{EndSpec, Namespace, connect};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_culvert");

fn doctor(arguments: &[&str]) -> Output {
    Command::new(BINARY).arg("doctor").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn checks(output: &Output) -> Vec<Value> {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn problems(checks: &[Value]) -> usize {
    checks.iter().filter(|check| check["verdict"] == "problem").count()
}

#[test]
fn an_interface_that_is_not_there_is_a_problem() {
    let output = doctor(&["--json", "--interface", "no-such0"]);
    assert_eq!(output.status.code(), Some(1));
    let checks = checks(&output);
    let check = checks.iter().find(|check| check["interface"] == "no-such0").unwrap();
    assert_eq!((&check["name"], &check["verdict"]), (&json!("interface"), &json!("problem")));
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["kind"], "problems");
    assert_eq!(error["error"]["message"], format!("problems found: {}", problems(&checks)));

    let output = doctor(&["--interface", "no-such0"]);
    assert_eq!(output.status.code(), Some(1));
    let expected =
        "problem interface of no-such0: there is no such interface\n        The relay's realms live on";
    assert!(text(&output.stdout).contains(expected), "{}", text(&output.stdout));
}

#[test]
fn the_exit_code_tells_of_problems_alone() {
    let output = doctor(&["--json", "--interface", "lo"]);
    let expected = if problems(&checks(&output)) == 0 { 0 } else { 1 };
    assert_eq!(output.status.code(), Some(expected));
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("culvert.toml");
    let path = path.to_str().unwrap();
    let output = doctor(&["--config", path]);
    assert_eq!(output.status.code(), Some(2));
    let expected =
        format!("error: cannot read the configuration {path}: No such file or directory (os error 2)\n");
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("", expected.as_str()));

    fs::write(path, "[engine]\nworkers = 1\nbackend = \"dpdk\"\n").unwrap();
    let output = doctor(&["--config", path]);
    assert_eq!(output.status.code(), Some(2));
    let expected = format!(
        "error: {path}: line 3: unknown variant `dpdk`, expected one of `auto`, `xdp`, `socket`; \
         `culvertd --config {path} --check` tells all that is wrong\n"
    );
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("", expected.as_str()));
}

/// What is said of the interface and of the namespace's ports: name, verdict, found, commands.
fn told(checks: &[Value]) -> Vec<Value> {
    let told =
        checks.iter().filter(|check| check["interface"] == "cv0" || check["name"] == "ephemeral ports");
    told.map(|check| json!([check["name"], check["verdict"], check["found"], check["mend"]])).collect()
}

#[test]
#[ignore = "needs root"]
fn what_the_doctor_shows_mends_a_veth_in_a_netns() {
    let (host, peer) = (Namespace::new("doctor").unwrap(), Namespace::new("doctor-peer").unwrap());
    connect(&host, &EndSpec::new("cv0").queues(2).mtu(3000), &peer, &EndSpec::new("cv1").mtu(3000)).unwrap();
    host.ethtool(["-K", "cv0", "rx-udp-gro-forwarding", "on"]).unwrap();
    host.ip(["link", "set", "dev", "cv0", "down"]).unwrap();
    host.sysctl("net.ipv4.ip_local_port_range", "32768 60999").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("culvert.toml");
    let configuration = "[engine]\nbackend = \"xdp\"\nworkers = 1\nhuge_pages = \"never\"\n\
                         [[realm]]\nname = \"outside\"\ninterface = \"cv0\"\nports = \"40000-40999\"\n";
    fs::write(&path, configuration).unwrap();
    let look = || {
        let mut command = host.command(BINARY);
        command.args(["--json", "doctor", "--config"]).arg(&path).output().unwrap()
    };

    let output = look();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let before = checks(&output);
    let mends = json!([
        ["link", "problem", "down", ["ip link set dev cv0 up"]],
        ["MTU", "problem", "3000; frames of 2048 bytes take 1774", ["ip link set dev cv0 mtu 1500"]],
        ["offloads", "problem", "rx-udp-gro-forwarding is on", ["ethtool -K cv0 rx-udp-gro-forwarding off"]],
        ["queues", "problem", "2 receive queues, 1 worker", ["ethtool -L cv0 rx 1 tx 1"]],
        [
            "ephemeral ports",
            "warning",
            "the kernel gives out 40000-40999 of realm \"outside\"",
            ["sysctl -w net.ipv4.ip_local_reserved_ports=40000-40999"]
        ],
    ]);
    let told_before = told(&before);
    assert_eq!(told_before.get(..5), mends.as_array().map(Vec::as_slice));

    // Only what stays within the namespace: the rest would change the machine that the test runs on.
    for check in &told_before {
        for command in check[3].as_array().unwrap() {
            let output = host.command("sh").args(["-c", command.as_str().unwrap()]).output().unwrap();
            assert!(output.status.success(), "{command}: {}", text(&output.stderr));
        }
    }

    let output = look();
    let after = checks(&output);
    assert_eq!(output.status.code(), Some(0), "{after:#?}");
    let expected = json!([
        ["zero-copy", "warning", "veth does not have it on this kernel", []],
        ["ephemeral ports", "ok", "the kernel gives out 32768-60999, and none of the realms'", []],
        ["link", "ok", "up", []],
        ["XDP in the driver", "ok", "veth has it", []],
        ["MTU", "ok", "1500; frames of 2048 bytes take 1774", []],
        ["offloads", "ok", "none that XDP would be led astray by", []],
        ["queues", "ok", "1 receive queue, 1 worker", []],
        ["NUMA", "not_applicable", "no device lies behind it", []],
        ["RSS table", "not_applicable", "there is one queue", []],
        ["RSS hash", "not_applicable", "there is one queue", []],
        ["interrupts", "not_applicable", "no device lies behind it", []],
    ]);
    assert_eq!(json!(told(&after)), expected);
}
