// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a host was found to be.

use std::io::{self, Write};

use culvert_doctor::{Check, Verdict};

use super::text::printable;

/// Width of the longest verdict, and a space.
const MARGIN: usize = 8;

/// What needs attention with its reason and its mend; the rest in a line each.
pub(crate) fn text(out: &mut impl Write, checks: &[Check]) -> io::Result<()> {
    for check in checks {
        let interface = check.interface.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        let found = printable(&check.found);
        writeln!(out, "{:<MARGIN$}{}{}: {found}", check.verdict.name(), check.name, printable(&interface))?;
        if matches!(check.verdict, Verdict::Problem | Verdict::Warning) {
            writeln!(out, "{:MARGIN$}{}", "", check.why)?;
            for command in &check.mend {
                writeln!(out, "{:MARGIN$}# {}", "", printable(command))?;
            }
        }
        if let Some(advice) = check.advice.as_ref().filter(|_| check.verdict != Verdict::NotApplicable) {
            writeln!(out, "{:MARGIN$}-> {}", "", printable(advice))?;
        }
    }
    let number = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    writeln!(
        out,
        "\nproblems {}  warnings {}  unknown {}  ok {}  not applicable {}",
        number(Verdict::Problem),
        number(Verdict::Warning),
        number(Verdict::Unknown),
        number(Verdict::Ok),
        number(Verdict::NotApplicable)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mends_stand_under_what_needs_them() {
        let check = |name, verdict, found: &str, interface: Option<&str>| Check {
            name,
            interface: interface.map(str::to_owned),
            verdict,
            found: found.to_owned(),
            why: "It matters.",
            mend: Vec::new(),
            advice: None,
        };
        let mut queues = check("queues", Verdict::Problem, "8 receive queues, 2 workers", Some("eth0"));
        queues.mend = vec!["ethtool -L eth0 combined 2".to_owned()];
        let mut kernel = check("kernel", Verdict::Warning, "6.1.0\u{1b}[2J", None);
        kernel.advice = Some("boot a newer one".to_owned());
        let mut out = Vec::new();
        text(&mut out, &[queues, kernel, check("BTF", Verdict::Ok, "is there", None)]).unwrap();
        let expected = "\
problem queues of eth0: 8 receive queues, 2 workers
        It matters.
        # ethtool -L eth0 combined 2
warning kernel: 6.1.0\u{fffd}[2J
        It matters.
        -> boot a newer one
ok      BTF: is there

problems 1  warnings 1  unknown 0  ok 1  not applicable 0
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
