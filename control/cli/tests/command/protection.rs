// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert protection`, once and again.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::relay::{Bed, json_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn protection_has_the_links_of_all_pages_and_the_last_head() {
    let bed = Bed::new().await;
    let all = json_of(&bed.run("--json protection").await);
    assert_eq!(all["control"].as_array().unwrap().len(), 1);
    let media = all["media"].as_array().unwrap();
    assert_eq!((media.len(), &media[1499]["session_id"]), (1500, &json!("c-1499")));
    assert_eq!(all["audit_head"], format!("1500:{}", "ab".repeat(32)));

    let one = bed.run("protection --session c-7").await;
    let text = String::from_utf8(one.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[1].starts_with("unspecified, session c-7, leg 0 ()  SRTP AES_CM_128_HMAC_SHA1_80  "),
        "{text}"
    );
    assert_eq!(lines[3..], ["", "not encrypted: 0 of 1 legs", "audit head -"]);
}

/// Reads what a watch writes until `count` lines begin with `start`; then interrupts it.
fn watch(mut command: Command, start: &str, count: usize) -> Vec<String> {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        lines.push(line.unwrap());
        if lines.iter().filter(|line| line.starts_with(start)).count() == count {
            break;
        }
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_watch_of_protection_goes_on_until_it_is_interrupted() {
    let bed = Bed::new().await;
    let command = bed.command("--json protection --session c-7 --watch");
    let lines = tokio::task::spawn_blocking(move || watch(command, "{", 2)).await.unwrap();
    for line in &lines {
        let value: Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["media"][0]["session_id"], "c-7");
    }
    let command = bed.command("protection --session c-7 --watch");
    let lines = tokio::task::spawn_blocking(move || watch(command, "audit head", 2)).await.unwrap();
    assert_eq!(lines.len(), 13);
    assert_eq!((lines[6].as_str(), &lines[7..]), ("", &lines[..6]));
}
