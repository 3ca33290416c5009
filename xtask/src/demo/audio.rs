// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each end says, and whether the other end heard it.
//!
//! The samples are exactly those that G.711 mu-law can carry, so the codec loses nothing, and what was heard can be
//! compared with what was said sample by sample.

use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

use crate::failure::{Context, Failure};

/// Samples per second.
pub(super) const RATE: usize = 8000;
/// Samples in an RTP packet of 20 ms.
pub(super) const PACKET: usize = RATE / 50;
/// Header of a WAV file with one `fmt ` and one `data` chunk.
const WAV_HEADER: usize = 44;
/// Where correlation looks for the recording's beginning.
const LAGS: usize = 2 * PACKET;

/// A melody of its own for every `voice`: a tone that glides while it changes every quarter of a second, with a
/// little noise, so that no two packets of any voice are alike.
pub(super) fn voice(voice: u32, seconds: usize) -> Vec<i16> {
    let levels = levels();
    let mut noise = 0x9e37_79b9_u32 ^ voice.wrapping_mul(0x85eb_ca6b);
    let mut phase = 0.0_f64;
    (0..seconds * RATE)
        .map(|at| {
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            let step = f64::from(((at / (RATE / 4)) as u32 * (3 + voice)) % 8);
            let frequency = 300.0 + 170.0 * f64::from(voice) + 110.0 * step + at as f64 / RATE as f64 * 20.0;
            phase += TAU * frequency / RATE as f64;
            let sample = 9000.0 * phase.sin() + f64::from(noise % 800) - 400.0;
            nearest(&levels, sample as i16)
        })
        .collect()
}

/// The 255 values that mu-law can carry, in order (ITU-T G.711, table 2).
fn levels() -> Vec<i16> {
    let mut levels: Vec<i16> = (0..=255).map(expand).collect();
    levels.sort_unstable();
    levels.dedup();
    levels
}

fn expand(code: u8) -> i16 {
    let code = !code;
    let magnitude = (((i16::from(code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

fn nearest(levels: &[i16], sample: i16) -> i16 {
    let after = levels.partition_point(|level| *level < sample);
    let around = levels.get(after.saturating_sub(1)..levels.len().min(after + 1)).unwrap_or_default();
    around.iter().copied().min_by_key(|level| sample.abs_diff(*level)).unwrap_or_default()
}

pub(super) fn write_wav(path: &Path, samples: &[i16]) -> Result<(), Failure> {
    let data = u32::try_from(samples.len() * 2).context("the audio is too long for a WAV file")?;
    let rate = RATE as u32;
    let mut file = Vec::with_capacity(WAV_HEADER + samples.len() * 2);
    file.extend(b"RIFF");
    file.extend((data + 36).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(1_u16.to_le_bytes()); // PCM
    file.extend(1_u16.to_le_bytes()); // mono
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(16_u16.to_le_bytes());
    file.extend(b"data");
    file.extend(data.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    fs::write(path, file).context(path.display())
}

/// The samples of a recording; none when the file is missing or empty, as a recorder that heard nothing leaves it.
pub(super) fn read_wav(path: &Path) -> Result<Vec<i16>, Failure> {
    let file = match fs::read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::new(format!("{}: {error}", path.display()))),
    };
    if file.is_empty() {
        return Ok(Vec::new());
    }
    if !file.starts_with(b"RIFF") || file.len() < WAV_HEADER || file.get(36..40) != Some(b"data") {
        return Err(Failure::new(format!("{} is not a WAV file as the recorder writes it", path.display())));
    }
    let (samples, _) = file.get(WAV_HEADER..).unwrap_or_default().as_chunks();
    Ok(samples.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect())
}

/// What was heard against what was said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Comparison {
    /// Packets' worth of audio that were said.
    pub(super) said: usize,
    /// Of those, how many were heard sample for sample, in order.
    pub(super) heard: usize,
    /// Samples in the recording that nobody said.
    pub(super) foreign: usize,
    /// The largest normalised cross-correlation, -1 to 1, within 40 ms.
    pub(super) correlation: f64,
}

impl Comparison {
    /// Everything, exactly, and nothing else.
    pub(super) fn is_exact(&self) -> bool {
        self.heard == self.said && self.foreign == 0
    }
}

pub(super) fn compare(said: &[i16], heard: &[i16]) -> Comparison {
    let mut rest = heard;
    let mut matched = 0;
    for packet in said.chunks_exact(PACKET) {
        if let Some(after) = rest.strip_prefix(packet) {
            matched += 1;
            rest = after;
        }
    }
    Comparison {
        said: said.len() / PACKET,
        heard: matched,
        foreign: heard.len() - matched * PACKET,
        correlation: correlation(said, heard),
    }
}

fn correlation(said: &[i16], heard: &[i16]) -> f64 {
    let later = |signal: &[i16], other: &[i16]| {
        (0..LAGS.min(signal.len()))
            .map(|lag| normalised(signal.get(lag..).unwrap_or_default(), other))
            .fold(0.0_f64, |best, value| if value.abs() > best.abs() { value } else { best })
    };
    let (forward, backward) = (later(heard, said), later(said, heard));
    if forward.abs() >= backward.abs() { forward } else { backward }
}

/// Of the part that both have.
fn normalised(one: &[i16], other: &[i16]) -> f64 {
    let (mut product, mut one_power, mut other_power) = (0_i64, 0_i64, 0_i64);
    for (one, other) in one.iter().zip(other) {
        let (one, other) = (i64::from(*one), i64::from(*other));
        product += one * other;
        one_power += one * one;
        other_power += other * other;
    }
    let power = (one_power as f64).sqrt() * (other_power as f64).sqrt();
    if power == 0.0 { 0.0 } else { product as f64 / power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mu_law_expands_as_the_table_says() {
        assert_eq!([0x00, 0x80, 0xff, 0x7f, 0xfe, 0xf0].map(expand), [-32124, 32124, 0, 0, 8, 120]);
        assert_eq!(levels().len(), 255);
        assert_eq!(
            [-40, -3, 0, 3, 4, 5, 32767].map(|sample| nearest(&levels(), sample)),
            [-40, 0, 0, 0, 0, 8, 32124]
        );
    }

    #[test]
    fn no_two_packets_of_any_voice_are_alike() {
        let voices: Vec<_> = (0..4).map(|number| voice(number, 3)).collect();
        let mut packets: Vec<_> = voices.iter().flat_map(|samples| samples.chunks(PACKET)).collect();
        packets.sort_unstable();
        packets.dedup();
        assert_eq!(packets.len(), 4 * 150);
        let levels = levels();
        assert!(voices.iter().flatten().all(|sample| levels.binary_search(sample).is_ok()));
    }

    #[test]
    fn the_same_is_exact() {
        let said = voice(1, 1);
        let same = compare(&said, &said);
        assert_eq!((same.said, same.heard, same.foreign), (50, 50, 0));
        assert!(same.is_exact() && same.correlation > 0.999_999);
    }

    #[test]
    fn a_lost_packet_is_one_packet_and_a_wrong_sample_is_another() {
        let said = voice(1, 1);
        let mut heard = said.clone();
        heard.drain(10 * PACKET..11 * PACKET);
        assert_eq!((compare(&said, &heard).heard, compare(&said, &heard).foreign), (49, 0));

        let mut heard = said.clone();
        heard[49 * PACKET + 5] ^= 8;
        assert_eq!((compare(&said, &heard).heard, compare(&said, &heard).foreign), (49, PACKET));
        assert!(!compare(&said, &heard).is_exact());
    }

    #[test]
    fn another_voice_and_silence_are_not_what_was_said() {
        let said = voice(1, 2);
        let other = compare(&said, &voice(2, 2));
        assert_eq!((other.heard, other.foreign), (0, 2 * RATE));
        assert!(other.correlation.abs() < 0.3, "{}", other.correlation);
        assert_eq!(compare(&said, &[]), Comparison { said: 100, heard: 0, foreign: 0, correlation: 0.0 });
    }

    #[test]
    fn a_file_keeps_every_sample() {
        let path = std::env::temp_dir().join(format!("culvert-xtask-{}.wav", std::process::id()));
        let samples = voice(3, 1);
        write_wav(&path, &samples).unwrap();
        assert_eq!(read_wav(&path).unwrap(), samples);
        fs::write(&path, b"").unwrap();
        assert_eq!(read_wav(&path).unwrap().len(), 0);
        fs::write(&path, b"RIFX").unwrap();
        assert!(read_wav(&path).is_err());
        fs::remove_file(&path).unwrap();
        assert_eq!(read_wav(&path).unwrap().len(), 0);
    }
}
