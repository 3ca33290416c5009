// SPDX-License-Identifier: MIT OR Apache-2.0
//! Running and attaching the programs.

use std::time::{Duration, Instant};

use aya::Ebpf;
use aya::programs::{Program, SchedClassifier, TcAttachType, TestRun, TestRunAttrs, TestRunOptions, Xdp};
use core_affinity::CoreId;

use crate::{Meter, TrafficError};

/// Nanoseconds of a run that sends nothing. Calls are sized by it to outlast what is to be sent, as every call begins with
/// some 24 ms of silence.
const IDLE: u64 = 50;
/// Runs of one call at most: some seconds, so that whoever wants to stop can.
const CALL: u64 = 50_000_000;
/// A generator that has sent nothing for so long never will.
const STUCK: Duration = Duration::from_secs(5);

/// Sends on the thread that calls it. Dropping it takes the sink off its interface.
#[derive(Debug)]
pub struct Generator {
    object: Ebpf,
}

impl Generator {
    pub(crate) fn new(mut object: Ebpf) -> Result<Generator, TrafficError> {
        let generate: &mut Xdp = program_mut(&mut object, "generate")?;
        generate.load().map_err(|source| TrafficError::Program { program: "generate", source })?;
        let sink: &mut SchedClassifier = program_mut(&mut object, "sink")?;
        sink.load().map_err(|source| TrafficError::Program { program: "sink", source })?;
        Ok(Generator { object })
    }

    /// Attaches the sink to an interface of the thread's network namespace. It lets everything pass until a run begins, and
    /// then all but IPv4 UDP.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn attach_sink(&mut self, interface: &str) -> Result<(), TrafficError> {
        let sink: &mut SchedClassifier = program_mut(&mut self.object, "sink")?;
        let attached = sink.attach(interface, TcAttachType::Ingress);
        attached.map(drop).map_err(|source| TrafficError::Program { program: "sink", source })
    }

    /// Sends what the meter's run offers, at its pace, and returns when it is sent. The thread must be in the network namespace
    /// of the run's interface. After every `batch` (1 to 256) runs of the program, of which those between packets are
    /// some 50 ns each, what is due goes out, and the network softirq of this processor may run.
    ///
    /// # Errors
    /// When the kernel refuses to run the program.
    pub fn send(&self, meter: &Meter, batch: u32) -> Result<(), TrafficError> {
        let mut progress = (0, Instant::now());
        loop {
            let sent = meter.sent().packets;
            let left = meter.offered().saturating_sub(sent);
            if left == 0 || sent == progress.0 && progress.1.elapsed() > STUCK {
                return Ok(());
            }
            if sent != progress.0 {
                progress = (sent, Instant::now());
            }
            // Each packet's interval may hold some runs that find nothing due.
            let runs = left.saturating_mul(1 + meter.interval() / IDLE).clamp(u64::from(batch), CALL);
            self.run(meter.frame_length(), runs as u32, batch)?;
        }
    }

    /// Runs the program so many times, whether there is something due or not.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn run(&self, frame_length: usize, runs: u32, batch: u32) -> Result<(), TrafficError> {
        let program: &Xdp = self
            .object
            .program("generate")
            .and_then(|program| program.try_into().ok())
            .ok_or(TrafficError::Missing("generate"))?;
        let frame = [0; crate::LONGEST];
        let options = TestRunOptions {
            data_in: Some(frame.get(..frame_length).unwrap_or(&frame)),
            repeat: runs,
            attrs: TestRunAttrs::new().xdp_live_frames(batch),
            ..TestRunOptions::default()
        };
        match program.test_run(options) {
            Ok(_) => Ok(()),
            // A signal, whose handler has run: whoever waits for it will see.
            Err(aya::programs::ProgramError::SyscallError(error))
                if error.io_error.kind() == std::io::ErrorKind::Interrupted =>
            {
                Ok(())
            }
            Err(source) => Err(TrafficError::Program { program: "generate", source }),
        }
    }
}

/// Keeps the calling thread on a processor.
///
/// # Errors
/// [`TrafficError::Pin`].
pub fn pin(processor: usize) -> Result<(), TrafficError> {
    if core_affinity::set_for_current(CoreId { id: processor }) {
        Ok(())
    } else {
        Err(TrafficError::Pin(processor))
    }
}

fn program_mut<'o, P>(object: &'o mut Ebpf, name: &'static str) -> Result<&'o mut P, TrafficError>
where
    &'o mut P: TryFrom<&'o mut Program>,
{
    object.program_mut(name).and_then(|program| program.try_into().ok()).ok_or(TrafficError::Missing(name))
}
