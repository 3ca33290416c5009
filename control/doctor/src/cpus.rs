// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists of CPUs as the kernel writes them: `0-3,8`.

/// The numbers in order of the text. What is no number or range is left out.
pub(crate) fn parse(text: &str) -> Vec<u32> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.trim().parse::<u32>(), last.trim().parse::<u32>()) {
            // No host has more; a range from a broken file must not take the memory.
            cpus.extend(first..=last.min(first.saturating_add(8191)));
        }
    }
    cpus
}

/// The shortest text for sorted numbers.
pub(crate) fn write(cpus: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for cpu in cpus {
        match ranges.last_mut() {
            Some(range) if range.1.checked_add(1) == Some(*cpu) => range.1 = *cpu,
            _ => ranges.push((*cpu, *cpu)),
        }
    }
    let text = |(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        assert_eq!(parse("0-3,8\n"), [0, 1, 2, 3, 8]);
        assert_eq!(parse("\n"), [] as [u32; 0]);
        assert_eq!(parse("x,2-,5"), [5]);
        assert_eq!(write(&[0, 1, 2, 3, 8]), "0-3,8");
        assert_eq!(write(&[]), "");
        assert_eq!(parse("0-4294967295").len(), 8192);
    }
}
