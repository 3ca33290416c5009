// SPDX-License-Identifier: MIT OR Apache-2.0
//! No key protects packets of two senders.

use crate::{
    ErrorKind, SessionError, fingerprint::Fingerprint, key_register::KeyRegister, keys::KeyPrint,
    leg::Protection,
};

/// The keys of a leg before and after a change.
#[derive(Debug)]
pub(crate) struct LegKeys<'a> {
    /// Path of the leg's protection.
    pub(crate) field: String,
    pub(crate) before: &'a Protection,
    pub(crate) after: &'a Protection,
}

fn has(prints: &[KeyPrint], key: Fingerprint) -> bool {
    prints.iter().any(|print| print.key == key)
}

impl LegKeys<'_> {
    /// Send keys that the leg does not have. Under another suite stream states may begin anew, and so must keys.
    fn new_send(&self) -> impl Iterator<Item = Fingerprint> {
        let own = match (self.before, self.after) {
            (Protection::Srtp { suite, send, .. }, Protection::Srtp { suite: now, .. }) if suite == now => {
                send.as_slice()
            }
            _ => &[],
        };
        self.after.send().iter().map(|print| print.key).filter(|key| !has(own, *key))
    }

    /// Receive keys that the leg does not have.
    fn new_receive(&self) -> impl Iterator<Item = Fingerprint> {
        let own = self.before.receive();
        self.after.receive().iter().map(|print| print.key).filter(|key| !has(own, *key))
    }
}

/// Checks the changes of one request, all of one session, against each other and the node.
pub(crate) fn check(register: &KeyRegister, legs: &[LegKeys<'_>]) -> Result<(), SessionError> {
    for (index, leg) in legs.iter().enumerate() {
        if leg.after.send().iter().any(|print| has(leg.after.receive(), print.key)) {
            let message = "has one key in both directions; give each direction its own";
            return Err(SessionError::invalid(&leg.field, message));
        }
        for key in leg.new_send() {
            let elsewhere = legs.iter().enumerate().any(|(other, keys)| {
                other != index && (has(keys.after.send(), key) || has(keys.after.receive(), key))
            });
            if elsewhere {
                let message = "has a send key that another leg of the request has too; make a new one";
                return Err(SessionError::invalid(&leg.field, message));
            }
            let found = if register.sends(key) {
                "is in use for sending"
            } else if register.receives(key) {
                "is in use for receiving"
            } else if register.has_sent(key) {
                "has been used for sending"
            } else {
                continue;
            };
            let message = format!("has a send key that {found} on this relay; make a new one");
            return Err(SessionError::new(ErrorKind::FailedPrecondition, &leg.field, message));
        }
        if leg.new_receive().any(|key| register.sends(key)) {
            let message =
                "has a receive key under which this relay sends; the leg's endpoint must make a new one";
            return Err(SessionError::new(ErrorKind::FailedPrecondition, &leg.field, message));
        }
    }
    Ok(())
}

/// Enters a change that was checked.
pub(crate) fn enter(register: &mut KeyRegister, before: &Protection, after: &Protection) {
    // The new first: a key on both sides of the change must not pass through zero.
    for print in after.receive() {
        register.add_receiving(print.key);
    }
    for print in before.receive() {
        register.remove_receiving(print.key);
    }
    for print in before.send().iter().filter(|print| !has(after.send(), print.key)) {
        register.retire_sending(print.key);
    }
    for print in after.send() {
        register.add_sending(print.key);
    }
}
