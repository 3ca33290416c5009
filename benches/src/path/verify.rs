// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opens what the sink has kept, with libsrtp: no contender is to be praised for garbage.

use culvert_traffic::Sample;
use culvert_wire::Headers;

use crate::crypto::library::Library;
use crate::fixture::{Leg, Rtp, VOICE_PAYLOAD, master_bytes};
use crate::path::contender::Outgoing;
use crate::path::coturn::channel;
use crate::path::error::PathError;
use crate::path::scenario::Scenario;
use crate::streams::packet;
use crate::wire::load::SUITE;

/// Every sample is what the caller sent, in the form that the contender gives it: under the call's key B and not under its key
/// A, say. Says how many samples that were.
///
/// # Errors
/// For the first sample of which that is not true.
pub fn samples(
    contender: &'static str,
    samples: &[Sample],
    scenario: Scenario,
    outgoing: &Outgoing,
    calls: u32,
    library: Option<&Library>,
) -> Result<usize, PathError> {
    for sample in samples {
        let fault = fault(sample, scenario, outgoing, calls, library);
        fault.map_err(|fault| PathError::Delivered { contender, number: sample.place, fault })?;
    }
    Ok(samples.len())
}

fn fault(
    sample: &Sample,
    scenario: Scenario,
    outgoing: &Outgoing,
    calls: u32,
    library: Option<&Library>,
) -> Result<(), &'static str> {
    let frame = &sample.frame[..];
    let headers = Headers::parse(frame).map_err(|_| "is not UDP")?;
    let payload = headers.payload(frame).map_err(|_| "is malformed")?;
    let payload = frame.get(payload).ok_or("is malformed")?;
    let (call, rtp) = packet(sample.place, calls);
    let roc = (sample.place / calls) >> 16;
    let a: [u8; 30] = master_bytes(SUITE, Leg::A, call).try_into().map_err(|_| "has no key of 30 bytes")?;
    let under = |tag: usize, key: &[u8; 30], bytes: &[u8]| {
        let mut copy = bytes.to_vec();
        let length = library?.open_packet(tag as u32, key, rtp.ssrc, roc, &mut copy)?;
        copy.truncate(length);
        Some(copy)
    };
    let plain = plain(rtp);
    let as_sent = |bytes: &[u8]| match scenario.received() {
        Some(suite) => under(suite.rtp_tag_length(), &a, bytes).as_ref() == Some(&plain),
        None => bytes == plain,
    };
    match outgoing {
        Outgoing::AsSent if as_sent(payload) => Ok(()),
        Outgoing::AsSent => Err("is not what was sent"),
        Outgoing::ChannelData => {
            let (head, data) = payload.split_at_checked(4).ok_or("is no ChannelData message")?;
            let [c0, c1] = channel(call).to_be_bytes();
            let [l0, l1] = (data.len() as u16).to_be_bytes();
            if head != [c0, c1, l0, l1] {
                return Err("is of another channel or length");
            }
            as_sent(data).then_some(()).ok_or("is not what was sent")
        }
        Outgoing::Rtp => (payload == plain).then_some(()).ok_or("is not the packet before protection"),
        Outgoing::Srtp { tag, keys } => {
            let key = keys.get(call as usize).ok_or("has no key B")?;
            if under(*tag, &a, payload).is_some() {
                return Err("opens under key A");
            }
            let opened = under(*tag, key, payload).ok_or("does not open under key B")?;
            (opened == plain).then_some(()).ok_or("opens to something else than was sent")
        }
    }
}

fn plain(rtp: Rtp) -> Vec<u8> {
    let mut bytes = vec![0; 12 + VOICE_PAYLOAD];
    rtp.write(&mut bytes, VOICE_PAYLOAD);
    bytes
}

#[cfg(test)]
mod tests {
    use culvert_wire::emit;

    use super::*;
    use crate::wire::load::headers;
    use crate::wire::topology::{Endpoints, Macs};
    use culvert_wire::MacAddress;

    const CALLS: u32 = 3;

    /// Packet 7 of three calls, plain, behind `head`.
    fn sample(head: &[u8]) -> Sample {
        let (call, rtp) = packet(7, CALLS);
        let payload = [head, &plain(rtp)].concat();
        let mut frame = [&[0; 42], &payload[..]].concat();
        let macs = Macs { edge: MacAddress([2; 6]), relay: MacAddress([4; 6]) };
        emit::write(&mut frame[..42], &headers(Endpoints::of(call), macs), &payload).unwrap();
        Sample { place: 7, frame }
    }

    fn judge(sample: &Sample, outgoing: &Outgoing) -> Result<(), &'static str> {
        fault(sample, Scenario::RtpRtp, outgoing, CALLS, None)
    }

    #[test]
    fn what_was_sent_passes_and_nothing_else() {
        let good = sample(&[]);
        assert_eq!(judge(&good, &Outgoing::Rtp), Ok(()));
        assert_eq!(judge(&good, &Outgoing::AsSent), Ok(()));
        let mut bad = good.clone();
        *bad.frame.last_mut().unwrap() ^= 1;
        assert_eq!(judge(&bad, &Outgoing::Rtp), Err("is not the packet before protection"));
        assert_eq!(judge(&bad, &Outgoing::AsSent), Err("is not what was sent"));
        let other = Sample { place: 10, ..good.clone() };
        assert_eq!(judge(&other, &Outgoing::Rtp), Err("is not the packet before protection"));
        assert_eq!(judge(&Sample { place: 7, frame: vec![0; 60] }, &Outgoing::Rtp), Err("is not UDP"));
        // Plain where SRTP was wanted, and nobody there to open it.
        let srtp = Outgoing::Srtp { tag: 10, keys: vec![[1; 30]; 3] };
        assert_eq!(judge(&good, &srtp), Err("does not open under key B"));
    }

    #[test]
    fn channel_data_names_channel_and_length() {
        // Packet 7 is of call 1.
        assert_eq!(judge(&sample(&[0x40, 1, 0, 172]), &Outgoing::ChannelData), Ok(()));
        let wrong = Err("is of another channel or length");
        assert_eq!(judge(&sample(&[0x40, 2, 0, 172]), &Outgoing::ChannelData), wrong);
        assert_eq!(judge(&sample(&[0x40, 1, 0, 171]), &Outgoing::ChannelData), wrong);
    }
}
