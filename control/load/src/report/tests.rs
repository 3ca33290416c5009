// SPDX-License-Identifier: MIT OR Apache-2.0

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::json;

use super::*;

/// 50 of 500 a second for a second, of which ten were lost.
pub(crate) fn report() -> Report {
    let mut latency = Histogram::default();
    (1..=490).for_each(|number| latency.record(if number > 480 { 990_000 } else { 31_000 }));
    let mut heard =
        Heard { delivered: 490, reordered: 3, extent: 2, duplicates: 1, latency, ..Heard::default() };
    heard.samples.checked = 49;
    let second = |second, sent, delivered| Second { second, sent, delivered, hostile: 5 };
    Report {
        run: "a<b".into(),
        started: "2026-01-02T03:04:05.000Z".into(),
        interrupted: false,
        transport: "sockets",
        sessions: SessionsReport {
            made: 10,
            seconds: 0.25,
            protection: ["AEAD_AES_128_GCM".into(), "plain".into()],
        },
        payload: 160,
        elapsed_seconds: 1.0,
        directions: vec![direction("a_to_b", 500, &heard, 1.0)],
        given_up: 0,
        key_expired: 0,
        foreign: 0,
        hostile: vec![HostileReport { kind: "forged", sent: 10, dropped: Some(10) }],
        relay: RelayReport {
            backend: Some("socket".into()),
            relayed: [490, 0],
            drops: [("authentication_failed".to_owned(), 10)].into(),
            ..RelayReport::default()
        },
        seconds: vec![second(1, 500, 480), second(2, 0, 10)],
    }
}

#[test]
fn the_text_says_it_all() {
    assert_eq!(
        report().to_string(),
        "run a<b: 10 sessions (AEAD_AES_128_GCM to plain, made in 0.25 s), 160 bytes of payload, 1.00 s over sockets\n\
         a_to_b: sent 500 (500.0/s), delivered 490 (490.0/s), lost 10 (2.0000 %)\n  \
         duplicates 1, reordered 3 (extent up to 2), too late 0, misdirected 0\n  \
         opened 49: 0 not authentic, 0 not what was sent\n  \
         latency in us: p50 31.2, p99 990.0, p99.9 990.0, greatest 990.0, mean 50.6\n\
         hostile forged: sent 10, the relay's sessions dropped 10 for its reasons\n\
         relay: from A 490 packets relayed, from B 0\n  \
         dropped of these sessions: authentication_failed 10\n"
    );
}

#[test]
fn json_has_the_documented_shape() {
    let mut value = serde_json::to_value(report()).unwrap();
    let latency = value["directions"][0]["latency"].take();
    assert_eq!(latency["count"], 490);
    assert_eq!(latency["distribution"].as_array().unwrap().last().unwrap(), &json!([990.0, 1.0]));
    let names: Vec<_> = latency.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["count", "distribution", "max_us", "mean_us", "p50_us", "p999_us", "p99_us"]);
    assert_eq!(
        value,
        json!({
            "run": "a<b", "started": "2026-01-02T03:04:05.000Z", "interrupted": false, "transport": "sockets",
            "sessions": {"made": 10, "seconds": 0.25, "protection": ["AEAD_AES_128_GCM", "plain"]},
            "payload": 160, "elapsed_seconds": 1.0,
            "directions": [{
                "name": "a_to_b", "sent": 500, "delivered": 490, "lost": 10, "loss": 0.02,
                "offered_rate": 500.0, "delivered_rate": 490.0, "duplicates": 1, "reordered": 3,
                "reordering_extent": 2, "late": 0, "misdirected": 0,
                "samples": {"checked": 49, "unauthentic": 0, "different": 0}, "latency": null,
            }],
            "given_up": 0, "key_expired": 0, "foreign": 0,
            "hostile": [{"kind": "forged", "sent": 10, "dropped": 10}],
            "relay": {
                "backend": "socket", "relayed": [490, 0], "drops": {"authentication_failed": 10},
                "worker_drops": {}, "interfaces": {}, "socket_drops": {}, "sessions_left": 0, "reason": null,
            },
            "seconds": [
                {"second": 1, "sent": 500, "delivered": 480, "hostile": 5},
                {"second": 2, "sent": 0, "delivered": 10, "hostile": 5},
            ],
        })
    );
}

/// Elements of a page, if it is well-formed XML.
fn elements(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut reader = Reader::from_str(page);
    reader.config_mut().check_end_names = true;
    let (mut elements, mut depth) = (Vec::new(), 0);
    loop {
        let event = reader.read_event().unwrap();
        let (Event::Start(element) | Event::Empty(element)) = &event else {
            match event {
                Event::End(_) => depth -= 1,
                Event::Eof => break,
                _ => {}
            }
            continue;
        };
        depth += i32::from(matches!(event, Event::Start(_)));
        let attributes = element.attributes().map(|attribute| {
            let attribute = attribute.unwrap();
            (attribute.key.as_ref().to_owned(), attribute.value.into_owned())
        });
        elements.push((element.name().as_ref().to_owned(), attributes.collect()));
    }
    assert_eq!(depth, 0);
    elements
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_else() {
    let page = report().html();
    let elements = elements(&page);
    let count = |name: &str| elements.iter().filter(|(found, _)| found == name).count();
    assert_eq!((count("svg"), count("table"), count("script"), count("link"), count("img")), (3, 1, 0, 0, 0));
    let fetched = ["src", "href", "xlink:href", "data", "action"];
    assert!(
        elements
            .iter()
            .flat_map(|(_, attributes)| attributes)
            .all(|(key, _)| !fetched.contains(&key.as_str()))
    );
    assert!(!page.contains("url(") && !page.contains("@import"));
    assert!(page.contains("<h1>culvert load: a&lt;b</h1>"));
    // offered, delivered, hostile; one latency; one loss.
    assert_eq!(page.matches("fill=\"none\"").count(), 5);
}

#[test]
fn plots_show_their_numbers_where_they_are() {
    let page = report().html();
    // 500 of an axis to 500 is at its top, and second 1 of 2 in its middle.
    assert!(page.contains("d=\"M407.0 16.0L744.0 200.0\""), "{page}");
    // 20 of 500 are 4 %, which is the axis' end; 10 of 500 half of it.
    assert!(page.contains("d=\"M407.0 16.0L744.0 108.0\""), "{page}");
}

#[test]
fn a_run_without_arrivals_has_a_page_too() {
    let mut report = report();
    report.directions = vec![direction("a_to_b", 500, &Heard::default(), 0.0)];
    report.seconds.clear();
    let page = report.html();
    elements(&page);
    assert!(!page.contains("NaN") && !page.contains("inf"));
}
