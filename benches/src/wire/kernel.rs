// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel of a network namespace has counted as lost.

use culvert_testbed::{Namespace, TestbedError};

/// Losses of the kernel's UDP receive path, by name.
///
/// # Errors
/// When the namespace cannot be entered.
pub fn udp_losses(namespace: &Namespace) -> Result<Vec<(String, u64)>, TestbedError> {
    let text = namespace.run(|| std::fs::read_to_string("/proc/thread-self/net/snmp"))?;
    Ok(udp(&text.unwrap_or_default()))
}

/// The two `Udp:` lines: names, then values.
fn udp(text: &str) -> Vec<(String, u64)> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let wanted = |name: &str| name == "NoPorts" || name.ends_with("Errors") && name != "InErrors";
    let pairs = names.split(' ').zip(values.split(' ')).filter(|(name, _)| wanted(name));
    pairs.map(|(name, value)| (format!("kernel UDP {name}"), value.parse().unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_errors_but_not_their_sum() {
        let text =
            "Tcp: A\nTcp: 1\nUdp: InDatagrams NoPorts InErrors RcvbufErrors\nUdp: 9 1 5 4\nUdpLite: X\n";
        let expected = [("kernel UDP NoPorts".to_owned(), 1), ("kernel UDP RcvbufErrors".to_owned(), 4)];
        assert_eq!(udp(text), expected);
    }
}
