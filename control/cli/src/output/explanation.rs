// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a session's media do not pass.

use std::io::{self, Write};
use std::time::Duration;

use culvert_api::v1;
use serde::Serialize;

use super::text::printable;

/// `explain`.
#[derive(Debug, Serialize)]
pub(crate) struct Explanation {
    session_id: String,
    observed_seconds: f64,
    /// The most likely cause first.
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Finding {
    kind: String,
    media: u32,
    leg: u32,
    summary: String,
    evidence: Vec<String>,
    mend: String,
}

impl Explanation {
    pub(crate) fn of(session_id: String, answer: v1::ExplainSessionResponse) -> Self {
        let observed = answer.observed.and_then(|observed| Duration::try_from(observed).ok());
        Self {
            session_id,
            observed_seconds: observed.unwrap_or_default().as_secs_f64(),
            findings: answer.findings.into_iter().map(Finding::from).collect(),
        }
    }

    pub(crate) fn findings(&self) -> usize {
        self.findings.len()
    }

    pub(crate) fn text(&self, out: &mut impl Write) -> io::Result<()> {
        let session = printable(&self.session_id);
        writeln!(out, "session {session}, observed for {:.1} s", self.observed_seconds)?;
        if self.findings.is_empty() {
            return writeln!(out, "\nNothing is wrong: media pass both ways.");
        }
        for (number, finding) in (1..).zip(&self.findings) {
            writeln!(out, "\n{number}. {}: {}", finding.kind, printable(&finding.summary))?;
            for line in &finding.evidence {
                writeln!(out, "   - {}", printable(line))?;
            }
            writeln!(out, "   mend: {}", printable(&finding.mend))?;
        }
        Ok(())
    }
}

impl From<v1::Finding> for Finding {
    fn from(finding: v1::Finding) -> Self {
        let name = finding.kind().as_str_name();
        let kind = name.strip_prefix("FINDING_KIND_").unwrap_or(name).to_ascii_lowercase();
        let v1::Finding { media, leg, summary, evidence, mend, .. } = finding;
        Self { kind, media, leg, summary, evidence, mend }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(answer: v1::ExplainSessionResponse) -> String {
        let mut out = Vec::new();
        Explanation::of("call-7".to_owned(), answer).text(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn findings_are_numbered_with_evidence_and_mend() {
        let finding = v1::Finding {
            kind: v1::FindingKind::WrongKey.into(),
            media: 0,
            leg: 1,
            summary: "A \u{1b}[31mkey.".to_owned(),
            evidence: vec!["one".to_owned(), "two".to_owned()],
            mend: "Do this.".to_owned(),
        };
        let observed = Some(prost_types::Duration { seconds: 2, nanos: 40_000_000 });
        let text = text(v1::ExplainSessionResponse { findings: vec![finding], observed });
        let wanted = "session call-7, observed for 2.0 s\n\n1. wrong_key: A ";
        assert!(text.starts_with(wanted), "{text}");
        assert!(text.ends_with("   - one\n   - two\n   mend: Do this.\n"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_sound_session_is_said_to_be_so() {
        let text = text(v1::ExplainSessionResponse::default());
        assert_eq!(text, "session call-7, observed for 0.0 s\n\nNothing is wrong: media pass both ways.\n");
    }
}
