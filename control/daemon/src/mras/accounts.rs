// SPDX-License-Identifier: MIT OR Apache-2.0
//! What live sessions take of quotas.

use std::collections::HashMap;
use std::time::SystemTime;

use culvert_mras::{Mras, Participant, QuotaExceeded, Ticket};
use culvert_session::SessionId;

#[derive(Debug, Default)]
pub(super) struct Accounts(HashMap<SessionId, Account>);

#[derive(Debug)]
struct Account {
    front_end: String,
    participants: Vec<Participant>,
    ticket: Ticket,
}

impl Accounts {
    /// A session that is keyed again gives back first what it has: a re-key must not need room for two.
    pub(super) fn open(
        &mut self,
        service: &mut Mras,
        session: &SessionId,
        front_end: &str,
        participants: Vec<Participant>,
        now: SystemTime,
    ) -> Result<(), QuotaExceeded> {
        let before = self.0.remove(session);
        if let Some(account) = before {
            if account.participants == participants {
                self.0.insert(session.clone(), account);
                return Ok(());
            }
            let Account { front_end: owner, participants: old, ticket } = account;
            service.close_session(ticket);
            return match service.open_session(front_end, &participants, now) {
                Ok(ticket) => {
                    self.insert(session, front_end, participants, ticket);
                    Ok(())
                }
                Err(exceeded) => {
                    // It had this a moment ago, under the same lock.
                    if let Ok(ticket) = service.open_session(&owner, &old, now) {
                        self.insert(session, &owner, old, ticket);
                    }
                    Err(exceeded)
                }
            };
        }
        let ticket = service.open_session(front_end, &participants, now)?;
        self.insert(session, front_end, participants, ticket);
        Ok(())
    }

    pub(super) fn close(&mut self, service: &mut Mras, session: &SessionId) {
        if let Some(account) = self.0.remove(session) {
            service.close_session(account.ticket);
        }
    }

    fn insert(
        &mut self,
        session: &SessionId,
        front_end: &str,
        participants: Vec<Participant>,
        ticket: Ticket,
    ) {
        let account = Account { front_end: front_end.to_owned(), participants, ticket };
        self.0.insert(session.clone(), account);
    }
}
