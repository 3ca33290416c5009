// SPDX-License-Identifier: MIT OR Apache-2.0
//! A log on a thread of its own.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::{AuditError, AuditLog, Durability, Head, Lost, Record};

/// How many records may wait.
pub const DEFAULT_QUEUE: usize = 65_536;

/// How long to wait before a record that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Writes what [`Sender`]s hand over, in its order, on a thread of its own.
///
/// A record that cannot be written, because the disk is full, is tried again until it can; meanwhile others wait. When no more may wait they
/// are counted, and a [`Lost`] record says how many they were, and of which sessions, as soon as the file can be written again.
#[derive(Debug)]
pub struct Writer {
    sender: Sender,
    thread: Option<JoinHandle<()>>,
}

/// Hands records over; as many as wanted, from any thread.
#[derive(Clone, Debug)]
pub struct Sender(Arc<Shared>);

/// How a writer is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The last record in the log.
    pub head: Head,
    /// Records that wait.
    pub queued: usize,
    /// Records that were lost since the writer began.
    pub lost: u64,
    /// How often the log could not be written since the writer began.
    pub failures: u64,
    /// Why it could not the last time; `None` once it could again.
    pub error: Option<String>,
}

/// How a writer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The last record in the log.
    pub head: Head,
    /// What could not be written, and is not counted in the log.
    pub lost: Lost,
    /// Why.
    pub error: Option<String>,
}

#[derive(Debug)]
struct Shared {
    capacity: usize,
    state: Mutex<State>,
    /// There is something to write, or the end has come.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Record>,
    /// Not yet in the log.
    lost: Lost,
    closing: bool,
    status: Status,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lose(&mut self, record: &Record) {
        self.lost.add(record);
        // What stands for others was counted when they were lost.
        if !matches!(record, Record::Lost(_)) {
            self.status.lost = self.status.lost.saturating_add(1);
        }
    }
}

impl Sender {
    /// Hands a record over, and never waits for the disk. False when it was lost because too many wait already.
    pub fn send(&self, record: Record) -> bool {
        let mut state = self.0.lock();
        let room = state.queue.len() < self.0.capacity && !state.closing;
        if room {
            state.queue.push_back(record);
        } else {
            state.lose(&record);
        }
        drop(state);
        self.0.changed.notify_one();
        room
    }

    /// The last record in the log. It may be asked of an operator, to be compared with the files later.
    pub fn head(&self) -> Head {
        self.0.lock().status.head
    }

    /// How the writer is doing.
    pub fn status(&self) -> Status {
        let state = self.0.lock();
        Status { queued: state.queue.len(), ..state.status.clone() }
    }
}

impl Writer {
    /// Starts the thread. At most `capacity` records wait.
    pub fn spawn(log: AuditLog, capacity: usize) -> Result<Self, AuditError> {
        let status = Status { head: log.head(), queued: 0, lost: 0, failures: 0, error: None };
        let state = State { queue: VecDeque::new(), lost: Lost::default(), closing: false, status };
        let shared = Arc::new(Shared { capacity, state: Mutex::new(state), changed: Condvar::new() });
        let path = log.files.current.clone();
        let worker = Worker { log, shared: Arc::clone(&shared), unsaved: None, gave_up: false };
        let thread = Builder::new()
            .name("audit".to_owned())
            .spawn(move || worker.run())
            .map_err(AuditError::io("start a thread for", path))?;
        Ok(Self { sender: Sender(shared), thread: Some(thread) })
    }

    /// A handle to send with.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Writes what waits and then `last`, such as [`Record::Stop`], and ends the thread. What cannot be written now is not tried again.
    pub fn close(mut self, last: Option<Record>) -> Closed {
        self.end(last);
        let state = self.sender.0.lock();
        Closed { head: state.status.head, lost: state.lost.clone(), error: state.status.error.clone() }
    }

    fn end(&mut self, last: Option<Record>) {
        let mut state = self.sender.0.lock();
        state.queue.extend(last);
        state.closing = true;
        drop(state);
        self.sender.0.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.end(None);
        }
    }
}

enum Step {
    Write(Record),
    Save,
    End,
}

struct Worker {
    log: AuditLog,
    shared: Arc<Shared>,
    /// When what has been written must survive a power failure.
    unsaved: Option<Instant>,
    /// The end has come, and the log cannot be written.
    gave_up: bool,
}

impl Worker {
    fn run(mut self) {
        loop {
            match self.next() {
                Step::Write(record) => self.write(record),
                Step::Save => self.save(),
                Step::End => break,
            }
        }
        if self.unsaved.is_some() {
            self.save();
        }
    }

    fn next(&mut self) -> Step {
        let mut state = self.shared.lock();
        loop {
            if self.gave_up {
                while let Some(record) = state.queue.pop_front() {
                    state.lose(&record);
                }
                return Step::End;
            }
            let now = Instant::now();
            // Also while records come without a pause.
            if self.unsaved.is_some_and(|due| due <= now) {
                return Step::Save;
            }
            if state.lost.count > 0 {
                return Step::Write(Record::Lost(std::mem::take(&mut state.lost)));
            }
            if let Some(record) = state.queue.pop_front() {
                return Step::Write(record);
            }
            if state.closing {
                return Step::End;
            }
            let changed = &self.shared.changed;
            state = match self.unsaved {
                Some(due) => {
                    let woken = changed.wait_timeout(state, due - now);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn write(&mut self, mut record: Record) {
        loop {
            let error = match self.log.append(&record) {
                Ok(head) => return self.written(head),
                Err(error) => error,
            };
            let mut state = self.shared.lock();
            state.status.failures = state.status.failures.saturating_add(1);
            state.status.error = Some(error.to_string());
            if error.is_of_the_record() {
                match &mut record {
                    // Names that make a line too long are worth less than the number.
                    Record::Lost(lost) if !lost.sessions.is_empty() => {
                        lost.sessions.clear();
                        continue;
                    }
                    record => return state.lose(record),
                }
            }
            let waited = self.shared.changed.wait_timeout_while(state, RETRY, |state| !state.closing);
            let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            if !waited.timed_out() {
                self.gave_up = true;
                return state.lose(&record);
            }
        }
    }

    fn written(&mut self, head: Head) {
        if let Durability::Interval(interval) = self.log.options().durability {
            self.unsaved.get_or_insert_with(|| Instant::now() + interval);
        }
        let mut state = self.shared.lock();
        state.status.head = head;
        state.status.error = None;
    }

    fn save(&mut self) {
        self.unsaved = None;
        if let Err(error) = self.log.sync() {
            let mut state = self.shared.lock();
            state.status.failures = state.status.failures.saturating_add(1);
            state.status.error = Some(error.to_string());
        }
    }
}
