// SPDX-License-Identifier: MIT OR Apache-2.0
//! One thing that was looked at.

use serde::Serialize;

use crate::host::Unseen;

/// What was thought of it; the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Media are lost, or the relay does not start as configured.
    Problem,
    /// The relay runs, below what the host could do.
    Warning,
    /// It could not be found out.
    Unknown,
    /// As it should be.
    Ok,
    /// Of no concern here.
    NotApplicable,
}

impl Verdict {
    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::NotApplicable => "n/a",
        }
    }
}

/// A thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// On which interface; `None`: the host as a whole.
    pub interface: Option<String>,
    /// What was thought of it.
    pub verdict: Verdict,
    /// What was found, in one line.
    pub found: String,
    /// Why it matters, in one line.
    pub why: &'static str,
    /// Commands for a root shell that mend it until the next start of the host, to be run in this order.
    pub mend: Vec<String>,
    /// What to do where no command does it, or instead of the commands.
    pub advice: Option<String>,
}

impl Check {
    pub(crate) fn mend(mut self, command: impl Into<String>) -> Check {
        self.mend.push(command.into());
        self
    }

    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Check {
        self.advice = Some(advice.into());
        self
    }
}

/// What is looked at, before it is known what is thought of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) name: &'static str,
    pub(crate) why: &'static str,
    pub(crate) interface: Option<&'a str>,
}

impl<'a> Subject<'a> {
    pub(crate) fn host(name: &'static str, why: &'static str) -> Subject<'static> {
        Subject { name, why, interface: None }
    }

    pub(crate) fn of(interface: &'a str, name: &'static str, why: &'static str) -> Subject<'a> {
        Subject { name, why, interface: Some(interface) }
    }

    pub(crate) fn is(self, verdict: Verdict, found: impl Into<String>) -> Check {
        Check {
            name: self.name,
            interface: self.interface.map(str::to_owned),
            verdict,
            found: found.into(),
            why: self.why,
            mend: Vec::new(),
            advice: None,
        }
    }

    pub(crate) fn ok(self, found: impl Into<String>) -> Check {
        self.is(Verdict::Ok, found)
    }

    pub(crate) fn warning(self, found: impl Into<String>) -> Check {
        self.is(Verdict::Warning, found)
    }

    pub(crate) fn problem(self, found: impl Into<String>) -> Check {
        self.is(Verdict::Problem, found)
    }

    pub(crate) fn unknown(self, found: impl Into<String>) -> Check {
        self.is(Verdict::Unknown, found)
    }

    pub(crate) fn not_applicable(self, found: impl Into<String>) -> Check {
        self.is(Verdict::NotApplicable, found)
    }

    /// What does not exist is of no concern; what could not be asked for is unknown.
    pub(crate) fn unseen(self, unseen: &Unseen, unsupported: &str) -> Check {
        match unseen {
            Unseen::Unsupported => self.not_applicable(unsupported),
            Unseen::Failed(reason) => self.unknown(reason.as_str()),
        }
    }
}
