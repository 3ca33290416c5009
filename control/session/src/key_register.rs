// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which keys are in use, and which have been.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::fingerprint::Fingerprint;

/// Which keys this node uses, and which it has used for sending.
///
/// A key protects packets of one sender only: two senders under one key would sooner or later use one index twice.
#[derive(Debug, Default)]
pub(crate) struct KeyRegister {
    /// Legs that receive under a key. Forked calls may share one.
    receiving: HashMap<Fingerprint, u32>,
    sending: HashSet<Fingerprint>,
    past: HashSet<Fingerprint>,
    /// The same as `past`, oldest first.
    past_order: VecDeque<Fingerprint>,
}

impl KeyRegister {
    /// How many past send keys are known again.
    pub(crate) const HISTORY: usize = 65_536;

    /// Whether a leg of this node receives under the key.
    pub(crate) fn receives(&self, key: Fingerprint) -> bool {
        self.receiving.contains_key(&key)
    }

    /// Whether the node sends under the key now.
    pub(crate) fn sends(&self, key: Fingerprint) -> bool {
        self.sending.contains(&key)
    }

    /// Whether the node has sent under the key before.
    pub(crate) fn has_sent(&self, key: Fingerprint) -> bool {
        self.past.contains(&key)
    }

    pub(crate) fn add_receiving(&mut self, key: Fingerprint) {
        *self.receiving.entry(key).or_default() += 1;
    }

    pub(crate) fn remove_receiving(&mut self, key: Fingerprint) {
        if let Some(count) = self.receiving.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.receiving.remove(&key);
            }
        }
    }

    pub(crate) fn add_sending(&mut self, key: Fingerprint) {
        self.sending.insert(key);
    }

    /// Ends the use of a send key. It is remembered.
    pub(crate) fn retire_sending(&mut self, key: Fingerprint) {
        if self.sending.remove(&key) && self.past.insert(key) {
            self.past_order.push_back(key);
            if self.past_order.len() > Self::HISTORY
                && let Some(oldest) = self.past_order.pop_front()
            {
                self.past.remove(&oldest);
            }
        }
    }

    /// Ends the use of a send key under which nothing was sent. It is not remembered.
    pub(crate) fn forget_sending(&mut self, key: Fingerprint) {
        self.sending.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Fingerprinter;

    #[test]
    fn past_send_keys_are_forgotten_in_their_order() {
        let prints = Fingerprinter::new(&[1; 64]);
        let key = |number: usize| prints.key(&number.to_be_bytes());
        let mut register = KeyRegister::default();
        for number in 0..=KeyRegister::HISTORY {
            register.add_sending(key(number));
            register.retire_sending(key(number));
        }
        assert!(!register.has_sent(key(0)));
        assert!(register.has_sent(key(1)) && register.has_sent(key(KeyRegister::HISTORY)));
        assert_eq!(
            (register.past.len(), register.past_order.len()),
            (KeyRegister::HISTORY, KeyRegister::HISTORY)
        );
    }

    #[test]
    fn receive_keys_are_counted() {
        let key = Fingerprinter::new(&[1; 64]).key(&[1]);
        let mut register = KeyRegister::default();
        register.add_receiving(key);
        register.add_receiving(key);
        register.remove_receiving(key);
        assert!(register.receives(key));
        register.remove_receiving(key);
        assert!(!register.receives(key));
    }
}
