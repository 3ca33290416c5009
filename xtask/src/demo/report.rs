// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was proved and what was not.

use crate::failure::Failure;

#[derive(Default)]
pub(super) struct Report {
    checks: Vec<(bool, String)>,
}

impl Report {
    pub(super) fn check(&mut self, holds: bool, text: impl Into<String>) {
        self.checks.push((holds, text.into()));
    }

    /// Prints all, and fails when one does not hold.
    pub(super) fn conclude(&self) -> Result<(), Failure> {
        println!();
        for (holds, text) in &self.checks {
            println!("{}  {text}", if *holds { "PASS" } else { "FAIL" });
        }
        let failed = self.checks.iter().filter(|(holds, _)| !holds).count();
        if failed == 0 && !self.checks.is_empty() {
            println!("\nThe demo proved all {} points.", self.checks.len());
            return Ok(());
        }
        Err(Failure::new(format!("{failed} of {} points were not proved", self.checks.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_point_that_fails_fails_all_and_no_points_prove_nothing() {
        let mut report = Report::default();
        assert!(report.conclude().is_err());
        report.check(true, "holds");
        assert!(report.conclude().is_ok());
        report.check(false, "does not hold");
        assert_eq!(report.conclude().unwrap_err().to_string(), "1 of 2 points were not proved");
    }
}
