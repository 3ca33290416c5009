// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole screens, letter for letter.

use std::collections::HashMap;
use std::time::Instant;

use culvert_api::{ClientError, v1};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::crossterm::event::KeyCode;
use ratatui::style::Color;
use tonic::Code;

use super::draw;
use crate::output::fixture;
use crate::top::ask::Answer;
use crate::top::model::Model;
use crate::top::tests::{answer, model, press, rates, unreachable};

/// The lines of a screen of this size, without the blanks behind them.
fn screen(model: &Model, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(model, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let cells = buffer.content().chunks(usize::from(width).max(1));
    let lines = cells.map(|line| line.iter().map(|cell| cell.symbol()).collect::<String>());
    lines.map(|line| line.trim_end().to_owned()).collect()
}

fn assert_screen(model: &Model, width: u16, height: u16, expected: &str) {
    let found = screen(model, width, height).join("\n");
    let expected = expected.strip_prefix('\n').unwrap();
    assert_eq!(found, expected, "found:\n{found}\nexpected:\n{expected}");
}

/// The node two seconds later than `fixture::node`.
fn later() -> v1::GetNodeResponse {
    let mut node = fixture::node();
    let worker = &mut node.workers[0];
    worker.received += 100_000;
    worker.handed_over += 20;
    worker.drops.insert("unknown_destination".to_owned(), 30);
    let timing = worker.timing.as_mut().unwrap();
    timing.busy_nanoseconds += 50_000_000;
    timing.busy_cycles += 150_000_000;
    node.interfaces[0].counters = HashMap::from([("redirected".to_owned(), 50), ("zrtp".to_owned(), 8)]);
    let ring = |used| v1::RingOccupancy { used, size: 2048 };
    node.interfaces[0].queues[1].rings =
        HashMap::from([("rx".to_owned(), ring(512)), ("fill".to_owned(), ring(2048))]);
    node
}

/// A relay with three sessions that has answered twice.
fn busy() -> Model {
    let (mut model, first) = (model(), Instant::now());
    let sessions =
        || vec![rates("call-7", 2500.0, 0.0), rates("call-8", 50.0, 0.125), rates("call-9", 0.0, 1.0)];
    model.answer(Answer { node: Some(Ok(fixture::node())), ..answer(first, 0, sessions()) });
    let mut video = sessions();
    video[1].mos = 0.0;
    model.answer(Answer { node: Some(Ok(later())), ..answer(first, 2, video) });
    model
}

#[test]
fn the_overview_of_a_busy_relay() {
    assert_screen(
        &busy(),
        80,
        24,
        "
culvert top  relay.example.net:7443  xdp  sessions 2/1000  up 2h 3m
2023-11-15T00:16:27Z
CORE CPU   UTIL PROMISED  LIMIT   PKT/s ns/PKT CYC/PKT MOVED/s  FLOWS  DROP/s
   0   2  12.5%    12.5%  80.0%   50.0k  500.0    1.5k    10.0      4    10.0
INTERFACE       QUEUE CORE    COPY  DROP/s  RINGS IN USE
eth0                0    0    zero       0
eth0                1    1  native       0  fill 100% rx 25%
DROPPED OUTSIDE OF SESSIONS      WHERE                      DROP/s       TOTAL
unknown_destination              core 0                       10.0          30
zrtp                             eth0 XDP                      4.0           8
rx_fill_ring_empty_descs         eth0 queue 1                    0           4

SESSIONS by packets/s  3 of 3
  SESSION                     CORE   PKT/s   BIT/s  DROP/s    LOSS  JITTER   MOS
> call-7                         1    2.5k    3.4M     0.5    0.0%   1.2ms  4.38
  call-8                         1    50.0   68.8k     0.5   12.5%   1.2ms     -
  call-9                         1       0       0     0.5  100.0%   1.2ms  4.38






q quit  ? help  s sort  / filter  Enter open  Tab cores, queues, drops  p pause",
    );
}

#[test]
fn a_small_terminal_has_room_for_sessions_first() {
    assert_screen(
        &busy(),
        80,
        12,
        "
culvert top  relay.example.net:7443  xdp  sessions 2/1000  up 2h 3m
2023-11-15T00:16:27Z
SESSIONS by packets/s  3 of 3
  SESSION                     CORE   PKT/s   BIT/s  DROP/s    LOSS  JITTER   MOS
> call-7                         1    2.5k    3.4M     0.5    0.0%   1.2ms  4.38
  call-8                         1    50.0   68.8k     0.5   12.5%   1.2ms     -
  call-9                         1       0       0     0.5  100.0%   1.2ms  4.38




q quit  ? help  s sort  / filter  Enter open  Tab cores, queues, drops  p pause",
    );
    assert_screen(&busy(), 0, 0, "\n");
    assert_screen(
        &busy(),
        12,
        2,
        "
culvert top
q quit  ? he",
    );
}

#[test]
fn a_wide_terminal_shows_owners() {
    assert_screen(&busy(), 120, 20, "
culvert top  relay.example.net:7443  xdp  sessions 2/1000  up 2h 3m
2023-11-15T00:16:27Z
CORE CPU   UTIL PROMISED  LIMIT   PKT/s ns/PKT CYC/PKT MOVED/s  FLOWS  DROP/s
   0   2  12.5%    12.5%  80.0%   50.0k  500.0    1.5k    10.0      4    10.0
INTERFACE       QUEUE CORE    COPY  DROP/s  RINGS IN USE
eth0                0    0    zero       0
eth0                1    1  native       0  fill 100% rx 25%
DROPPED OUTSIDE OF SESSIONS      WHERE                      DROP/s       TOTAL
unknown_destination              core 0                       10.0          30
  and 2 more: Tab

SESSIONS by packets/s  3 of 3
  SESSION                                    OWNER                    CORE   PKT/s   BIT/s  DROP/s    LOSS  JITTER   MOS
> call-7                                     front-end.culvert.test      1    2.5k    3.4M     0.5    0.0%   1.2ms  4.38
  call-8                                     front-end.culvert.test      1    50.0   68.8k     0.5   12.5%   1.2ms     -
  call-9                                     front-end.culvert.test      1       0       0     0.5  100.0%   1.2ms  4.38



q quit  ? help  s sort  / filter  Enter open  Tab cores, queues, drops  p pause");
}

#[test]
fn what_does_not_fit_is_counted() {
    let mut model = busy();
    let core = model.rates.cores.remove(0);
    model.rates.cores = (0..32)
        .map(|worker| crate::top::rates::Core {
            worker,
            utilisation: Some(f64::from(worker) / 32.0),
            ..core.clone()
        })
        .collect();
    assert_screen(
        &model,
        80,
        24,
        "
culvert top  relay.example.net:7443  xdp  sessions 2/1000  up 2h 3m
2023-11-15T00:16:27Z
CORE CPU   UTIL PROMISED  LIMIT   PKT/s ns/PKT CYC/PKT MOVED/s  FLOWS  DROP/s
  31   2  96.9%    12.5%  80.0%   50.0k  500.0    1.5k    10.0      4    10.0
  30   2  93.8%    12.5%  80.0%   50.0k  500.0    1.5k    10.0      4    10.0
  and 30 more: Tab
INTERFACE       QUEUE CORE    COPY  DROP/s  RINGS IN USE
eth0                0    0    zero       0
eth0                1    1  native       0  fill 100% rx 25%
DROPPED OUTSIDE OF SESSIONS      WHERE                      DROP/s       TOTAL
unknown_destination              core 0                       10.0          30
zrtp                             eth0 XDP                      4.0           8
rx_fill_ring_empty_descs         eth0 queue 1                    0           4

SESSIONS by packets/s  3 of 3
  SESSION                     CORE   PKT/s   BIT/s  DROP/s    LOSS  JITTER   MOS
> call-7                         1    2.5k    3.4M     0.5    0.0%   1.2ms  4.38
  call-8                         1    50.0   68.8k     0.5   12.5%   1.2ms     -
  call-9                         1       0       0     0.5  100.0%   1.2ms  4.38




q quit  ? help  s sort  / filter  Enter open  Tab cores, queues, drops  p pause",
    );
    press(&mut model, &[KeyCode::Tab, KeyCode::Down, KeyCode::Down]);
    assert_screen(
        &model,
        80,
        8,
        "
culvert top  relay.example.net:7443  xdp  sessions 2/1000  up 2h 3m
2023-11-15T00:16:27Z
CORE CPU   UTIL PROMISED  LIMIT   PKT/s ns/PKT CYC/PKT MOVED/s  FLOWS  DROP/s
  29   2  90.6%    12.5%  80.0%   50.0k  500.0    1.5k    10.0      4    10.0
  28   2  87.5%    12.5%  80.0%   50.0k  500.0    1.5k    10.0      4    10.0
  27   2  84.4%    12.5%  80.0%   50.0k  500.0    1.5k    10.0      4    10.0
  26   2  81.2%    12.5%  80.0%   50.0k  500.0    1.5k    10.0      4    10.0
q quit  ? help  s sort  / filter  Enter open  Tab cores, queues, drops  p pause",
    );
}

#[test]
fn pages_of_their_own() {
    let mut model = busy();
    press(&mut model, &[KeyCode::Tab, KeyCode::Tab]);
    assert_screen(
        &model,
        80,
        8,
        "
culvert top  relay.example.net:7443  xdp  sessions 2/1000  up 2h 3m
2023-11-15T00:16:27Z
INTERFACE       QUEUE CORE    COPY  DROP/s  RINGS IN USE
eth0                0    0    zero       0
eth0                1    1  native       0  fill 100% rx 25%


q quit  ? help  s sort  / filter  Enter open  Tab cores, queues, drops  p pause",
    );
    press(&mut model, &[KeyCode::Tab]);
    assert_screen(
        &model,
        80,
        8,
        "
culvert top  relay.example.net:7443  xdp  sessions 2/1000  up 2h 3m
2023-11-15T00:16:27Z
DROPPED OUTSIDE OF SESSIONS      WHERE                      DROP/s       TOTAL
unknown_destination              core 0                       10.0          30
zrtp                             eth0 XDP                      4.0           8
rx_fill_ring_empty_descs         eth0 queue 1                    0           4

q quit  ? help  s sort  / filter  Enter open  Tab cores, queues, drops  p pause",
    );
}

#[test]
fn a_session_from_within() {
    let (mut model, first) = (busy(), Instant::now());
    press(&mut model, &[KeyCode::Enter]);
    assert_screen(
        &model,
        80,
        6,
        "
culvert top  relay.example.net:7443  xdp  sessions 2/1000  up 2h 3m
2023-11-15T00:16:27Z
SESSION call-7
asking

Esc back  Up Down move  p pause  ? help  q quit",
    );
    let with = |seconds, session| Answer {
        session: Some(("call-7".to_owned(), session)),
        ..answer(first, seconds, vec![rates("call-7", 50.0, 0.0)])
    };
    let mut session = fixture::session();
    model.answer(with(2, Ok(session.clone())));
    let received = session.media[0].legs[0].received.as_mut().unwrap();
    received.packets += 100;
    received.bytes += 16_000;
    received.drops.insert("authentication_failed".to_owned(), 22);
    model.answer(with(4, Ok(session)));
    assert_screen(
        &model,
        80,
        24,
        "
culvert top  relay.example.net:7443  xdp  sessions 2/1000  up 2h 3m
2023-11-15T00:16:29Z
SESSION call-7
owner front-end.culvert.test  core 1  since 2023-11-14T22:13:20.000Z

MEDIA 0  audio  8000 Hz
  LEG 0  outside  AES_CM_128_HMAC_SHA1_80
    local 203.0.113.7:20000
    signalled 192.0.2.10:40000  learnt 192.0.2.77:1024
    in 50.0 pkt/s  64.0k bit/s  350 packets  21120 bytes  3 RTCP  1 re-keys
    dropped authentication_failed  10.0/s  22 in all
    dropped replayed  0/s  1 in all
          SSRC     PACKETS     LOST    LOSS    JITTER    MOS  HIGHEST SEQ
      00000007         250        1    0.4%     0.5ms   4.38        65536
  LEG 1  inside  no keys yet  cannot receive yet  cannot send yet
    local 198.51.100.1:20000
    signalled -  learnt -
    in - pkt/s  - bit/s  0 packets  0 bytes  0 RTCP  0 re-keys





Esc back  Up Down move  p pause  ? help  q quit",
    );
    press(&mut model, &[KeyCode::Down, KeyCode::Down]);
    assert_screen(
        &model,
        80,
        8,
        "
culvert top  relay.example.net:7443  xdp  sessions 2/1000  up 2h 3m
2023-11-15T00:16:29Z
SESSION call-7
MEDIA 0  audio  8000 Hz
  LEG 0  outside  AES_CM_128_HMAC_SHA1_80
    local 203.0.113.7:20000
    signalled 192.0.2.10:40000  learnt 192.0.2.77:1024
Esc back  Up Down move  p pause  ? help  q quit",
    );
    let gone =
        ClientError::Status { code: Code::NotFound, message: "session_id: no session \"call-7\"".to_owned() };
    model.answer(with(5, Err(gone)));
    press(&mut model, &[KeyCode::Home]);
    assert_screen(
        &model,
        80,
        8,
        r#"
culvert top  relay.example.net:7443  xdp  sessions 2/1000  up 2h 3m
2023-11-15T00:16:30Z
SESSION call-7
ENDED OR REFUSED: session_id: no session "call-7" (NOT_FOUND)
owner front-end.culvert.test  core 1  since 2023-11-14T22:13:20.000Z

MEDIA 0  audio  8000 Hz
Esc back  Up Down move  p pause  ? help  q quit"#,
    );
}

#[test]
fn what_is_wrong_stands_in_the_second_line() {
    let (mut model, first) = (model(), Instant::now());
    assert_screen(
        &model,
        80,
        8,
        "
culvert top  relay.example.net:7443
asking
SESSIONS by packets/s  0 of 0  no rates yet
  SESSION                     CORE   PKT/s   BIT/s  DROP/s    LOSS  JITTER   MOS



q quit  ? help  s sort  / filter  Enter open  Tab cores, queues, drops  p pause",
    );
    model.answer(Answer { top: Err(unreachable()), ..answer(first, 1, vec![]) });
    assert_screen(
        &model,
        80,
        8,
        "
culvert top  relay.example.net:7443
NO ANSWER, trying again: cannot connect to https://r:1: connection refused; is c
SESSIONS by packets/s  0 of 0  no rates yet
  SESSION                     CORE   PKT/s   BIT/s  DROP/s    LOSS  JITTER   MOS



q quit  ? help  s sort  / filter  Enter open  Tab cores, queues, drops  p pause",
    );
    let refusal =
        ClientError::Status { code: Code::PermissionDenied, message: "GetNode is for operators".to_owned() };
    model.answer(Answer { node: Some(Err(refusal)), ..answer(first, 2, vec![rates("call-7", 50.0, 0.0)]) });
    assert_screen(
        &model,
        80,
        8,
        "
culvert top  relay.example.net:7443
node: GetNode is for operators (PERMISSION_DENIED)
SESSIONS by packets/s  1 of 1
  SESSION                     CORE   PKT/s   BIT/s  DROP/s    LOSS  JITTER   MOS
> call-7                         1    50.0   68.8k     0.5    0.0%   1.2ms  4.38


q quit  ? help  s sort  / filter  Enter open  Tab cores, queues, drops  p pause",
    );
    press(&mut model, &[KeyCode::Char('/'), KeyCode::Char('x'), KeyCode::Char('p')]);
    assert_screen(
        &model,
        80,
        6,
        "
culvert top  relay.example.net:7443
node: GetNode is for operators (PERMISSION_DENIED)
SESSIONS by packets/s  1 of 1
  SESSION                     CORE   PKT/s   BIT/s  DROP/s    LOSS  JITTER   MOS
> call-7                         1    50.0   68.8k     0.5    0.0%   1.2ms  4.38
filter: xp_   Enter apply  Esc cancel",
    );
    press(&mut model, &[KeyCode::Enter, KeyCode::Char('p')]);
    assert_screen(
        &model,
        80,
        6,
        r#"
culvert top  relay.example.net:7443
PAUSED: p goes on
SESSIONS by packets/s  1 of 1  filter "xp"
  SESSION                     CORE   PKT/s   BIT/s  DROP/s    LOSS  JITTER   MOS
> call-7                         1    50.0   68.8k     0.5    0.0%   1.2ms  4.38
q quit  ? help  s sort  / filter  Enter open  Tab cores, queues, drops  p pause"#,
    );
}

#[test]
fn the_help_fits_the_smallest_usual_terminal() {
    let mut model = busy();
    press(&mut model, &[KeyCode::Char('?')]);
    assert_screen(
        &model,
        80,
        24,
        "
culvert top  relay.example.net:7443  xdp  sessions 2/1000  up 2h 3m
2023-11-15T00:16:27Z
s        the next order of the sessions
1 2 3    order by packets, bits, drops a second
4 5 6    order by loss, jitter, MOS (the lowest first)
/        only sessions whose identifier or owner contains a text:
         Enter applies it, Esc leaves it as it was
Enter    open the marked session; Esc: back
Tab      all sessions, all cores, all queues, all drops
Up Down PageUp PageDown Home End j k   move
p        pause, go on
q        quit

PROMISED is what admitted sessions may take of a core; LIMIT bounds it.
ns/PKT and CYC/PKT are the core's time for each packet received.
MOVED/s are packets that arrived at a core and belong to another one's sessions.
LOSS, JITTER and MOS are those of a session's worst stream since it began.






any key: back",
    );
}

#[test]
fn no_cell_has_a_colour() {
    let mut model = busy();
    for key in [KeyCode::Tab, KeyCode::Tab, KeyCode::Tab, KeyCode::Tab, KeyCode::Enter, KeyCode::Char('?')] {
        press(&mut model, &[key]);
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| draw(&model, frame)).unwrap();
        let plain = |cell: &Cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset);
        assert!(terminal.backend().buffer().content().iter().all(plain), "{key:?}");
    }
}
