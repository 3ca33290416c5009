// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading and writing headers. Bursts of 64 voice packets, as the engine has them.

use std::hint::black_box;
use std::net::IpAddr;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use culvert_wire::emit::{self, HeaderSpec};
use culvert_wire::{Address, Endpoint, Headers, MacAddress, media_class, rtp};

use culvert_benches::fixture::{Rtp, VOICE_PAYLOAD};

const BURST: usize = 64;
const ROOM: usize = 66;
const PAYLOAD: usize = 12 + VOICE_PAYLOAD + 10;

fn spec(source: IpAddr, destination: IpAddr, vlan: Option<u16>) -> HeaderSpec {
    HeaderSpec {
        source_mac: MacAddress([2, 0, 0, 0, 0, 1]),
        destination_mac: MacAddress([2, 0, 0, 0, 0, 2]),
        vlan,
        source: Endpoint::new(Address::from(source), 20_000),
        destination: Endpoint::new(Address::from(destination), 30_000),
        traffic_class: 46 << 2,
        hop_limit: 64,
    }
}

fn cases() -> [(&'static str, HeaderSpec); 4] {
    let (v4, v4_other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
    let v6 = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
    let v6_other = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2]);
    [
        ("ipv4", spec(v4, v4_other, None)),
        ("ipv4-vlan", spec(v4, v4_other, Some(100))),
        ("ipv6", spec(v6, v6_other, None)),
        ("ipv6-vlan", spec(v6, v6_other, Some(100))),
    ]
}

/// Frames with room before them; the packet starts at the returned offset.
fn frames(spec: &HeaderSpec) -> (Vec<Vec<u8>>, usize) {
    let start = ROOM - emit::header_length(spec);
    let frames = (0..BURST as u32).map(|number| {
        let mut frame = vec![0; ROOM + PAYLOAD];
        Rtp { ssrc: 1, sequence: number as u16, timestamp: number }.write(&mut frame[ROOM..], PAYLOAD - 12);
        let (headers, payload) = frame.split_at_mut(ROOM);
        assert_eq!(emit::write(&mut headers[start..], spec, payload), Ok(()));
        frame
    });
    (frames.collect(), start)
}

/// As the XDP program and the engine do it: headers, lengths, class, RTP header.
fn parse(frame: &[u8]) -> Option<(Headers, rtp::Header)> {
    let headers = Headers::parse(frame).ok()?;
    let payload = headers.payload(frame).ok()?;
    media_class(frame, payload.clone()).ok()?;
    let header = rtp::Header::parse(frame.get(payload)?).ok()?;
    Some((headers, header))
}

fn wire(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/parse");
    group.throughput(Throughput::Elements(BURST as u64));
    for (name, spec) in cases() {
        let (frames, start) = frames(&spec);
        assert!(frames.iter().all(|frame| parse(&frame[start..]).is_some()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for frame in &frames {
                    black_box(parse(black_box(&frame[start..])));
                }
            });
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("wire/emit");
    group.throughput(Throughput::Elements(BURST as u64));
    for (name, spec) in cases() {
        let (mut frames, start) = frames(&spec);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for frame in &mut frames {
                    let (headers, payload) = frame.split_at_mut(ROOM);
                    let _ = black_box(emit::write(&mut headers[start..], black_box(&spec), payload));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, wire);
criterion_main!(benches);
