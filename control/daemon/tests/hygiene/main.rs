// SPDX-License-Identifier: MIT OR Apache-2.0
//! That no key gets where it does not belong: into a log, an error, an answer, the metrics or a core dump.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod mras;
mod process;
mod scan;
mod secrets;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use common::{
    phone::{Phone, call},
    relay::{Relay, Setup, refusal},
    request::{Key, Pair, leg, plain, session, update},
};
use culvert_api::{Client, v1};
use culvert_srtp::{Path, Suite};
use process::Mapping;
use scan::{Found, Needles, count};

/// What has been used, said and answered.
#[derive(Default)]
struct Run {
    needles: Needles,
    /// Everything that came back, in words.
    texts: Vec<(&'static str, String)>,
}

impl Run {
    fn key(&mut self, name: &str, suite: Suite) -> Key {
        let key = Key::random(suite);
        secrets::add(&mut self.needles, name, &key);
        key
    }

    fn pair(&mut self, name: &str, suite: Suite) -> Pair {
        Pair {
            endpoint: self.key(&format!("{name}, endpoint's"), suite),
            relay: self.key(&format!("{name}, relay's"), suite),
        }
    }

    fn say(&mut self, source: &'static str, text: String) {
        self.texts.push((source, text));
    }

    /// Whatever of the secrets is in a file, an answer or a dump.
    fn check(&self, source: &str, bytes: &[u8]) {
        let found = self.needles.search(bytes);
        assert!(found.is_empty(), "{source}: {:#?}", count(&found));
    }
}

fn converse(caller: &mut Phone, callee: &mut Phone) {
    for _ in 0..5 {
        let (said, answered) = (caller.talk(), callee.talk());
        assert_eq!((callee.hear(), caller.hear()), (said, answered));
    }
    let (told, reported) = (caller.tell(), callee.tell());
    assert_eq!((callee.read(), caller.read()), (told, reported));
}

/// A call under a suite, its media, and a re-key of both legs with media again.
async fn calls(run: &mut Run, relay: &Relay, client: &mut Client, id: &str, suite: Suite, sdes: bool) {
    let legs = [run.pair(&format!("{id} leg 0"), suite), run.pair(&format!("{id} leg 1"), suite)];
    let both = legs.each_ref().map(Some);
    let net = relay.net();
    let mut caller = Phone::new(net.host(3), 0x0a0a_0a0a, both[0]);
    let mut callee = Phone::new(net.host(4), 0x0b0b_0b0b, both[1]);
    let made = if sdes {
        let [one, other] = [("outside", &caller, &legs[0]), ("inside", &callee, &legs[1])]
            .map(|(realm, phone, keys)| leg(realm, Some(phone.remote(true)), keys.sdes()));
        let made = client.create_session(session(id, [one, other])).await.unwrap();
        caller.answer(&made, 0);
        callee.answer(&made, 1);
        made
    } else {
        call(client, id, [&mut caller, &mut callee], both, true).await
    };
    run.say("CreateSession", format!("{made:?}"));
    converse(&mut caller, &mut callee);
    for (number, phone) in [&mut caller, &mut callee].into_iter().enumerate() {
        let new = run.pair(&format!("{id} leg {number} re-keyed"), suite);
        let protection = Some(if sdes { new.sdes() } else { new.raw() });
        let change = v1::LegUpdate { leg: number as u32, protection, ..Default::default() };
        let changed = client.update_session(update(id, change)).await.unwrap();
        run.say("UpdateSession", format!("{changed:?}"));
        phone.rekey(&new);
    }
    converse(&mut caller, &mut callee);
    run.say("GetSession", format!("{:?}", client.get_session(id).await.unwrap()));
}

/// Requests that are refused, with keys in them.
async fn refusals(run: &mut Run, client: &mut Client) {
    let suite = Suite::AesCm256HmacSha1_80;
    let used = run.pair("a key used twice", suite);
    let fresh = run.pair("a refused key", suite);
    let with =
        |id: &str, protection| session(id, [leg("outside", None, protection), leg("inside", None, plain())]);
    client.create_session(with("used", used.raw())).await.unwrap();
    let raw = |change: &dyn Fn(&mut v1::SrtpKeys)| {
        let mut protection = fresh.raw();
        let Some(v1::protection::Kind::Srtp(keys)) = &mut protection.kind else { unreachable!() };
        change(keys);
        protection
    };
    let sdes = |receive: String| {
        let kind = v1::protection::Kind::Sdes(v1::Sdes { receive, send: fresh.relay.sdes(1) });
        v1::Protection { kind: Some(kind) }
    };
    let line = fresh.endpoint.sdes(1);
    let wrong = [
        ("key too short", raw(&|keys| keys.receive[0].key.truncate(31))),
        ("salt too long", raw(&|keys| keys.send[0].salt.push(7))),
        ("suite unknown", raw(&|keys| keys.suite = "ROT13".into())),
        ("two keys without MKI", raw(&|keys| keys.receive.extend_from_within(..))),
        ("MKI too long", raw(&|keys| keys.receive[0].mki = vec![1; 129])),
        ("key used twice", used.raw()),
        ("SDES without inline", sdes(line.replace("inline:", ""))),
        ("SDES of another suite", sdes(line.replace("AES_256", "AES_192"))),
        ("SDES with the key as its tag", sdes(line.replace("a=crypto:1 ", "a=crypto:"))),
        ("SDES with something behind", sdes(format!("{line} {line}"))),
        ("SDES with a bad character", sdes(format!("{line}é"))),
    ];
    for (what, protection) in wrong {
        let (code, message) = refusal(client.create_session(with("refused", protection)).await);
        run.say("error", format!("{what}: {code:?} {message}"));
    }
    // The same name for something else, and for something that is not there.
    run.say("error", refusal(client.create_session(with("used", fresh.raw())).await).1);
    let change = v1::LegUpdate { leg: 0, protection: Some(fresh.raw()), ..Default::default() };
    run.say("error", refusal(client.update_session(update("nobody", change)).await).1);
}

fn metrics(relay: &Relay) -> String {
    let mut stream = TcpStream::connect(&relay.setup.metrics).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.contains("culvert_"), "{page}");
    page
}

fn search(run: &Run, pid: u32, wanted: impl Fn(&Mapping) -> bool) -> Vec<Found> {
    let mappings = process::mappings(pid);
    let wanted = mappings.iter().filter(|mapping| wanted(mapping));
    wanted.flat_map(|mapping| run.needles.search(&process::read(pid, mapping))).collect()
}

/// What is found in the mappings that are locked and left out of core dumps.
fn in_memory_for_keys(run: &Run, pid: u32) -> Vec<Found> {
    search(run, pid, |mapping| mapping.has("lo") && mapping.has("dd"))
}

/// Whether a needle is of the expanded session key of an AEAD suite.
fn is_gcm_schedule(found: &Found) -> bool {
    found.name.contains("AEAD_AES_") && found.name.ends_with("round keys")
}

/// The schedules that may be on the C heap. AWS-LC allocates the state of its AEAD there, and no interface of aws-lc-rs says
/// otherwise; so it has those of the keys that are in use, of which the memory for keys has a copy each.
fn on_the_heap(run: &Run, pid: u32) -> BTreeSet<String> {
    let found = if Path::chosen() == Path::AwsLc { in_memory_for_keys(run, pid) } else { Vec::new() };
    found.into_iter().filter(is_gcm_schedule).map(|found| found.name).collect()
}

/// Eight letters of a list are three numbers: so few of a key stand among the small counts of a histogram by chance.
fn without_timing(mut node: v1::GetNodeResponse) -> String {
    node.workers.iter_mut().for_each(|worker| worker.timing = None);
    format!("{node:?}")
}

/// Nothing is on the C heap, once sessions have gone whose keys were.
fn check_heap(run: &Run, pid: u32) {
    let found = search(run, pid, Mapping::is_heap);
    assert!(found.is_empty(), "{:#?}", count(&found));
}

/// Nothing is in a core of the relay, whose heap has the text `canary`, but for what is [`on_the_heap`].
fn check_core(run: &Run, relay: &Relay, canary: &str) {
    let before = on_the_heap(run, relay.pid());
    let mappings = process::mappings(relay.pid());
    let core = process::core(relay.pid(), relay.setup.directory.path());
    // The core is one of this process, with its heap.
    assert!(core.windows(canary.len()).any(|window| window == canary.as_bytes()), "no session in the core");
    let found = run.needles.search(&core);
    let (heap, elsewhere): (Vec<_>, Vec<_>) = found
        .iter()
        .map(|found| {
            let address = process::address(&core, found.offset);
            let mapping =
                address.and_then(|at| mappings.iter().find(|mapping| mapping.addresses.contains(&at)));
            (found, address, mapping)
        })
        // The debugger does not always say where: the live memory does, below.
        .partition(|(found, _, mapping)| is_gcm_schedule(found) && mapping.is_none_or(Mapping::is_heap));
    let needles = run.needles.len();
    assert!(elsewhere.is_empty(), "{needles} needles, {} bytes of core: {elsewhere:#x?}", core.len());
    let heap: BTreeSet<_> = heap.into_iter().map(|(found, ..)| found.name.clone()).collect();
    let dumped = search(run, relay.pid(), |mapping| !mapping.has("dd") && !mapping.is_heap());
    assert!(dumped.is_empty(), "{:#?}", count(&dumped));
    // Those of keys that a re-key has replaced go as time passes.
    let after = on_the_heap(run, relay.pid());
    assert!(heap.is_subset(&before) && heap.is_superset(&after), "{before:#?} {heap:#?} {after:#?}");
}

/// Stops the relay; nothing is in its log.
fn check_log(run: &Run, relay: &mut Relay) {
    relay.stop();
    let log = relay.whole_log();
    assert!(log.iter().any(|line| line["level"] == "TRACE" || line["level"] == "DEBUG"), "{log:#?}");
    for line in log {
        run.check("log", line.to_string().as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root: gdb attaches to the relay"]
async fn hygiene_no_key_is_in_logs_errors_answers_or_a_core() {
    let mut setup = Setup::loopback();
    setup.log = "level = \"trace\"\n".into();
    let mut relay = setup.start();
    let mut client = relay.front_end().await;
    let mut operator = relay.operator().await;
    let mut run = Run::default();

    for suite in Suite::ALL {
        for sdes in [false, true] {
            let id = format!("{}-{}", suite.name(), if sdes { "sdes" } else { "raw" });
            calls(&mut run, &relay, &mut client, &id, suite, sdes).await;
        }
    }
    // Some are gone before the dump, the others live on.
    for suite in &Suite::ALL[..3] {
        let gone = client.delete_session(&format!("{}-raw", suite.name())).await.unwrap();
        run.say("DeleteSession", format!("{gone:?}"));
    }
    refusals(&mut run, &mut client).await;
    run.say("GetNode", without_timing(operator.get_node().await.unwrap()));
    run.say("metrics", metrics(&relay));
    for (source, text) in &run.texts {
        run.check(source, text.as_bytes());
    }

    // The pattern is right: the keys that live are in the memory for keys, and each is found.
    let pid = relay.pid();
    let found = in_memory_for_keys(&run, pid);
    let live = count(&found);
    for suite in &Suite::ALL[3..] {
        for sdes in ["raw", "sdes"] {
            for (number, whose) in [(0, "endpoint's"), (0, "relay's"), (1, "endpoint's"), (1, "relay's")] {
                let name = format!("live {}-{sdes} leg {number} re-keyed, {whose}: SRTP", suite.name());
                assert!(live.keys().any(|key| key.starts_with(&name)), "{name}: {live:#?}");
            }
        }
    }
    // Master keys are not kept, and a session that is gone has left nothing.
    let gone = |name: &str| {
        name.starts_with("live ")
            && Suite::ALL[..3].iter().any(|s| name.contains(&format!("{}-raw", s.name())))
    };
    let kept: Vec<_> = live.keys().filter(|name| name.contains("master") || gone(name)).collect();
    assert!(kept.is_empty(), "{kept:#?}");

    check_core(&run, &relay, &format!("{}-sdes", Suite::AeadAes256Gcm.name()));
    for suite in [Suite::AeadAes128Gcm, Suite::AeadAes256Gcm] {
        for sdes in ["raw", "sdes"] {
            client.delete_session(&format!("{}-{sdes}", suite.name())).await.unwrap();
        }
    }
    check_heap(&run, pid);
    check_log(&run, &mut relay);
}
