// SPDX-License-Identifier: MIT OR Apache-2.0
//! `culvert top` in a terminal.

use std::process::Command;
use std::time::Duration;

use culvert_api::v1;
use tokio::runtime::Runtime;

use crate::relay::{Bed, output};
use crate::terminal::Terminal;

/// For the stub's tasks to end, and its port to be free.
const SHUT_DOWN: Duration = Duration::from_secs(10);

pub(crate) fn rates(id: &str, owner: &str, packets_per_second: f64, jitter_ms: f64) -> v1::SessionRates {
    v1::SessionRates {
        session_id: id.to_owned(),
        owner: owner.to_owned(),
        packets_per_second,
        bits_per_second: packets_per_second * 1000.0,
        jitter_ms,
        ..v1::SessionRates::default()
    }
}

/// As the relay ranks them: the two orders that the test asks for.
pub(crate) fn ranked(
    sessions: &[v1::SessionRates],
    request: &v1::TopSessionsRequest,
) -> v1::TopSessionsResponse {
    let matches = |text: &str| text.contains(&request.filter);
    let mut sessions = sessions.to_vec();
    sessions.retain(|session| matches(&session.session_id) || matches(&session.owner));
    let by = |session: &v1::SessionRates| match request.order() {
        v1::TopOrder::Jitter => session.jitter_ms,
        _ => session.packets_per_second,
    };
    sessions.sort_by(|a, b| by(b).total_cmp(&by(a)));
    let interval = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    v1::TopSessionsResponse { total: sessions.len() as u64, sessions, interval }
}

fn bed() -> (Runtime, Bed) {
    let runtime = Runtime::new().unwrap();
    let bed = runtime.block_on(Bed::new());
    *bed.relay.ranked.lock().unwrap() = vec![
        rates("c-1", "alice", 50.0, 0.5),
        rates("c-2", "bob", 300.0, 0.25),
        rates("c-3", "alice", 100.0, 9.0),
    ];
    (runtime, bed)
}

/// As a line for the shell, with the environment that reaches the relay.
fn line(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let variables = variables.map(|(name, value)| format!("{}='{}'", name.display(), value.display()));
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| format!("'{}'", word.display()));
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

/// The identifiers of the sessions that are shown, from the top.
fn shown(screen: &str) -> Vec<&str> {
    let rows = screen.lines().skip_while(|line| !line.starts_with("  SESSION ")).skip(1);
    rows.map_while(|row| row.get(2..)?.split_whitespace().next()).collect()
}

#[test]
fn keys_sort_filter_open_and_leave() {
    let (_runtime, bed) = bed();
    let terminal = Terminal::run(&line(&bed.command("top --interval 100ms")));
    terminal.wait(|screen| shown(screen) == ["c-2", "c-3", "c-1"]);
    terminal.press(&["5"]);
    let screen = terminal.wait(|screen| shown(screen) == ["c-3", "c-1", "c-2"]);
    assert!(screen.contains("\nSESSIONS by jitter  3 of 3\n"), "{screen}");
    assert!(screen.contains("\n> c-2 "), "the mark has moved with its session:\n{screen}");

    terminal.press(&["/", "a", "l", "i", "c", "e"]);
    terminal.wait(|screen| screen.contains("\nfilter: alice_ "));
    terminal.press(&["Enter"]);
    let screen = terminal.wait(|screen| shown(screen) == ["c-3", "c-1"]);
    assert!(screen.contains("\nSESSIONS by jitter  2 of 2  filter \"alice\"\n"), "{screen}");

    terminal.press(&["Down"]);
    terminal.wait(|screen| screen.contains("\n> c-1 "));
    terminal.press(&["Enter"]);
    let screen = terminal.wait(|screen| screen.contains("\nowner front-end.culvert.test  core 0"));
    assert!(screen.contains("\nSESSION c-1\n"), "{screen}");
    terminal.press(&["Escape"]);
    terminal.wait(|screen| shown(screen) == ["c-3", "c-1"]);

    terminal.press(&["Tab"]);
    terminal.wait(|screen| screen.contains("PROMISED") && shown(screen).is_empty());
    terminal.press(&["?"]);
    terminal.wait(|screen| screen.contains("any key: back"));
    terminal.press(&["x"]);
    terminal.press(&["q"]);
    assert!(terminal.ended().contains("ended with 0\n"));
}

#[test]
fn a_paused_view_stands_still_until_it_goes_on() {
    let (_runtime, bed) = bed();
    let terminal = Terminal::run(&line(&bed.command("top --interval 100ms")));
    terminal.wait(|screen| shown(screen).len() == 3);
    terminal.press(&["p"]);
    terminal.wait(|screen| screen.contains("PAUSED"));
    *bed.relay.ranked.lock().unwrap() = vec![rates("c-9", "carol", 1.0, 1.0)];
    terminal.press(&["?"]);
    terminal.wait(|screen| screen.contains("any key: back"));
    terminal.press(&["x"]);
    terminal.wait(|screen| shown(screen) == ["c-2", "c-3", "c-1"]);
    terminal.press(&["p"]);
    terminal.wait(|screen| shown(screen) == ["c-9"]);
}

#[test]
fn the_view_takes_another_size() {
    let (_runtime, bed) = bed();
    // So long an interval that only the change of size can have drawn it anew.
    let terminal = Terminal::run(&line(&bed.command("top --interval 1h")));
    terminal.wait(|screen| shown(screen).len() == 3 && !screen.contains("OWNER"));
    terminal.resize(140, 40);
    let screen = terminal.wait(|screen| screen.contains("OWNER"));
    assert_eq!(shown(&screen), ["c-2", "c-3", "c-1"]);
    assert!(screen.lines().nth(39).unwrap().starts_with("q quit"), "{screen}");
    terminal.resize(20, 5);
    terminal.wait(|screen| screen.lines().nth(4).is_some_and(|line| line.starts_with("q quit")));
}

#[test]
fn a_lost_relay_is_told_of_and_found_again() {
    let (runtime, mut bed) = bed();
    let terminal = Terminal::run(&line(&bed.command("top --interval 100ms")));
    terminal.wait(|screen| shown(screen).len() == 3);
    runtime.shutdown_timeout(SHUT_DOWN);
    let screen = terminal.wait(|screen| screen.contains("NO ANSWER, trying again: "));
    assert_eq!(shown(&screen), ["c-2", "c-3", "c-1"], "what was known stays");
    *bed.relay.ranked.lock().unwrap() = vec![rates("c-9", "carol", 1.0, 1.0)];
    let runtime = Runtime::new().unwrap();
    runtime.block_on(bed.serve());
    let screen = terminal.wait(|screen| shown(screen) == ["c-9"]);
    assert!(!screen.contains("NO ANSWER"), "{screen}");
    terminal.press(&["C-c"]);
    terminal.ended();
}

#[test]
fn a_signal_leaves_the_terminal_in_order() {
    for signal in ["TERM", "HUP", "INT"] {
        let (_runtime, bed) = bed();
        let terminal = Terminal::run(&line(&bed.command("top")));
        terminal.wait(|screen| shown(screen).len() == 3);
        let kill = format!("kill -s {signal} {}", terminal.process("culvert"));
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let screen = terminal.ended();
        assert!(screen.contains("ended with 0\n"), "{signal}:\n{screen}");
    }
}

#[test]
fn without_a_terminal_or_a_relay_it_says_so_and_ends() {
    let (runtime, bed) = bed();
    let piped = runtime.block_on(output(bed.command("top"), ""));
    assert_eq!(piped.status.code(), Some(2));
    let error = String::from_utf8(piped.stderr).unwrap();
    assert_eq!(error, "error: top: needs a terminal; `culvert node show` does not\n");
    runtime.shutdown_timeout(SHUT_DOWN);
    let screen = Terminal::run(&line(&bed.command("top"))).ended();
    assert!(screen.contains("error: cannot connect to https://127.0.0.1:"), "{screen}");
    assert!(screen.contains("ended with 4\n"), "{screen}");
}
