// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread of a worker: commands in, packets in, [`process()`], packets out, events out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use culvert_secret::{keep_stack_out_of_dumps, scrub_stack};
use culvert_udp::Waker;
use rtrb::{Consumer, RingBuffer};

use crate::burst::Burst;
use crate::clock::Clock;
use crate::command::Command;
use crate::counters::WorkerCounters;
use crate::handle::{SlotAllocator, WorkerHandle};
use crate::handover::Handover;
use crate::io::PacketIo;
use crate::process::process;
use crate::state::{WorkerConfig, WorkerState};

/// Empty rounds before the worker sleeps: about as long as the gap between two bursts of a busy relay.
const SPIN_ROUNDS: u32 = 64;
/// Longest sleep. Wake-ups do not depend on it; it bounds what a lost one could cost.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// One relay thread.
#[derive(Debug)]
pub struct Worker;

/// What a worker owned when it stopped, for its joiner to drop.
#[derive(Debug)]
#[expect(dead_code, reason = "held to be dropped, keys erased, on the joiner's thread")]
pub struct Stopped {
    state: WorkerState,
    commands: Consumer<Command>,
}

/// Why a worker could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The system gave no thread.
    #[error("worker {worker}: the system gave no thread: {source}")]
    Thread {
        /// Number of the worker.
        worker: usize,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The system refused to pin the thread.
    #[error(
        "worker {worker}: cannot run on processor {cpu}: name one that this process may use, or leave the choice to \
         the system"
    )]
    Affinity {
        /// Number of the worker.
        worker: usize,
        /// The processor asked for.
        cpu: usize,
    },
}

impl Worker {
    /// Starts worker number `worker` on a back end. `waker` ends the back end's [`PacketIo::wait`].
    ///
    /// # Errors
    /// [`SpawnError`] when there is no thread to be had, or it cannot run where [`WorkerConfig::cpu`] says.
    pub fn spawn<I>(
        worker: usize,
        config: &WorkerConfig,
        io: I,
        waker: Waker,
        clock: Clock,
    ) -> Result<WorkerHandle, SpawnError>
    where
        I: PacketIo + std::marker::Send + 'static,
    {
        Worker::spawn_among(worker, config, io, waker, clock, Handover::default())
    }

    /// The same for one of several workers, between which packets are handed over.
    ///
    /// # Errors
    /// As [`Worker::spawn`].
    pub fn spawn_among<I>(
        worker: usize,
        config: &WorkerConfig,
        io: I,
        waker: Waker,
        clock: Clock,
        handover: Handover,
    ) -> Result<WorkerHandle, SpawnError>
    where
        I: PacketIo + std::marker::Send + 'static,
    {
        let (commands, taken) = RingBuffer::new(config.commands);
        let (told, events) = RingBuffer::new(config.events.max(WorkerConfig::MIN_EVENTS));
        let counters = Arc::new(WorkerCounters::default());
        let stop = Arc::new(AtomicBool::new(false));
        let state = WorkerState::new(config, told, Arc::clone(&counters));
        let (pinned, is_pinned) = mpsc::sync_channel(1);
        let cpu = config.cpu;
        let stopping = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name(format!("relay-{worker}"))
            .spawn(move || {
                // What packets leave on the stack are parts of keys. A relay that cannot leave it out of core dumps is better than none.
                let _ = keep_stack_out_of_dumps();
                let placed =
                    cpu.is_none_or(|id| core_affinity::set_for_current(core_affinity::CoreId { id }));
                let _ = pinned.send(placed);
                run(io, state, taken, handover, &stopping, clock)
            })
            .map_err(|source| SpawnError::Thread { worker, source })?;
        let handle = WorkerHandle {
            counters,
            slots: SlotAllocator::new(config.max_flows),
            cpu,
            commands,
            events,
            waker,
            stop,
            thread: Some(thread),
        };
        match (is_pinned.recv(), cpu) {
            (Ok(false), Some(cpu)) => Err(SpawnError::Affinity { worker, cpu }),
            _ => Ok(handle),
        }
    }
}

fn run<I: PacketIo>(
    mut io: I,
    mut state: WorkerState,
    mut commands: Consumer<Command>,
    mut handover: Handover,
    stop: &AtomicBool,
    clock: Clock,
) -> Stopped {
    let mut burst = Burst::new();
    let mut idle = 0u32;
    // Of the round before, if it had packets: what comes between two bursts is theirs as well.
    let mut ended = None;
    while !stop.load(Ordering::Acquire) {
        let took_commands = state.take_commands(&mut commands, &mut io);
        let handed = handover.receive(&mut io, &mut burst, &state.counters);
        let received = handed + io.receive(&mut burst);
        let begun = (received > 0).then(|| clock.now());
        if let Some(now) = begun {
            process(&mut burst, &mut state, now);
            handover.send(&burst, &state.counters);
        }
        // Also with nothing to send: the back end takes back what the kernel has sent.
        let transmitted = io.transmit(&mut burst);
        state.counters.transmitted_burst(&transmitted);
        ended = begun.map(|begun| {
            let now = clock.now();
            state.counters.was_busy(ended.unwrap_or(begun), now);
            state.counters.passed(begun, now, received);
            now
        });
        if received > 0 || took_commands {
            idle = 0;
        } else if idle < SPIN_ROUNDS {
            idle += 1;
            std::hint::spin_loop();
        } else {
            // While it sleeps, what it has left of keys would stay: SRTCP's are expanded on the stack.
            scrub_stack();
            io.wait(LONGEST_SLEEP);
        }
    }
    Stopped { state, commands }
}
