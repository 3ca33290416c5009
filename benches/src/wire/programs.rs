// SPDX-License-Identifier: MIT OR Apache-2.0
//! Loading, attaching and running the programs of `ebpf/generator`.

use aya::programs::{Program, SchedClassifier, TcAttachType, TestRun, TestRunAttrs, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader, include_bytes_aligned};

use crate::wire::error::WireError;
use crate::wire::maps::{FRAME_LENGTH, SAMPLE_STRIDE};

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/generator"));

/// Frames per batch of the kernel; after each, its network softirq may run.
const BATCH: u32 = 64;

/// Loads the object with room for `packets` packets.
///
/// # Errors
/// When the kernel refuses it.
pub fn load(packets: u32) -> Result<Ebpf, WireError> {
    let mut object = EbpfLoader::new()
        .map_max_entries("POOL", packets)
        .map_max_entries("SEEN", packets.div_ceil(64))
        .map_max_entries("SAMPLES", packets.div_ceil(SAMPLE_STRIDE))
        .load(OBJECT)?;
    let generate: &mut Xdp = program_mut(&mut object, "generate")?;
    generate.load().map_err(|source| WireError::Program { program: "generate", source })?;
    Ok(object)
}

/// Attaches the sink to an interface of the thread's namespace, for as long as the object lives.
///
/// # Errors
/// When the kernel refuses it.
pub fn attach_sink(object: &mut Ebpf, interface: &str) -> Result<(), WireError> {
    let failed = |source| WireError::Program { program: "sink", source };
    let sink: &mut SchedClassifier = program_mut(object, "sink")?;
    sink.load().map_err(failed)?;
    sink.attach(interface, TcAttachType::Ingress).map(drop).map_err(failed)
}

/// Runs the generator `runs` times over live frames, on this thread. A run that finds its packet not due yet, or
/// none left, takes some 40 ns and sends nothing.
///
/// # Errors
/// When the kernel refuses it.
pub fn generate(object: &Ebpf, runs: u32) -> Result<(), WireError> {
    let program: &Xdp = object
        .program("generate")
        .and_then(|program| program.try_into().ok())
        .ok_or(WireError::Missing("generate"))?;
    let options = TestRunOptions {
        data_in: Some(&[0; FRAME_LENGTH]),
        repeat: runs,
        attrs: TestRunAttrs::new().xdp_live_frames(BATCH),
        ..TestRunOptions::default()
    };
    program.test_run(options).map(drop).map_err(|source| WireError::Program { program: "generate", source })
}

fn program_mut<'o, P>(object: &'o mut Ebpf, name: &'static str) -> Result<&'o mut P, WireError>
where
    &'o mut P: TryFrom<&'o mut Program>,
{
    object.program_mut(name).and_then(|program| program.try_into().ok()).ok_or(WireError::Missing(name))
}
