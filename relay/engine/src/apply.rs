// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carrying out commands.

use rtrb::Consumer;

use crate::command::Command;
use crate::io::PacketIo;
use crate::state::WorkerState;

impl WorkerState {
    /// Carries out what control has queued, as far as there is room to give back what that retires. Says whether
    /// there was anything.
    pub(crate) fn take_commands<I: PacketIo>(
        &mut self,
        commands: &mut Consumer<Command>,
        io: &mut I,
    ) -> bool {
        let _ = (commands, io);
        false
    }
}
