// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ends a connection from outside the task that serves it.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    task::Context,
};

use futures::task::AtomicWaker;

/// One half of a connection may be read by one task and the other written by another: each has its waker.
#[derive(Debug, Default)]
pub(super) struct Closer {
    closed: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Closer {
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }

    /// Fails once it is closed, and wakes the reading task when that happens.
    pub(super) fn check_read(&self, context: &Context<'_>) -> io::Result<()> {
        self.check(&self.reader, context)
    }

    /// As [`Closer::check_read`] for the writing task.
    pub(super) fn check_write(&self, context: &Context<'_>) -> io::Result<()> {
        self.check(&self.writer, context)
    }

    fn check(&self, waker: &AtomicWaker, context: &Context<'_>) -> io::Result<()> {
        // Registered before the look: a close in between wakes it.
        waker.register(context.waker());
        match self.closed.load(Ordering::Acquire) {
            false => Ok(()),
            true => {
                let message = "the client's certificate is no longer accepted";
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, message))
            }
        }
    }
}
