// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a packet costs a core.

use culvert_srtp::Suite;

/// A cost that grows with the payload.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Nanoseconds for a packet without payload.
    pub packet: f64,
    /// Nanoseconds for each byte of payload.
    pub byte: f64,
}

impl Line {
    /// Nanoseconds with so much payload.
    pub fn at(self, payload_bytes: u32) -> f64 {
        self.byte.mul_add(f64::from(payload_bytes), self.packet)
    }
}

/// What a suite adds to the cost of a plain packet.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct SuiteCost {
    /// Which.
    pub suite: Suite,
    /// To authenticate and decrypt what arrives.
    pub open: Line,
    /// To encrypt and authenticate what leaves.
    pub close: Line,
}

/// What is assumed of one side of a flow.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Assumed {
    /// Plain RTP.
    Plain,
    /// SRTP of a suite.
    Suite(Suite),
    /// SRTP of a suite that is not known yet.
    Unknown,
}

/// What packets cost.
///
/// A packet from one suite to another is opened and closed in one pass, which costs less than the sum of the two; the
/// sum is promised, so that two lines for each suite do instead of one for each pair of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CostModel {
    /// Nanoseconds to take a packet from the kernel and to give it back.
    pub input_output: f64,
    /// What is done with a packet between plain legs.
    pub plain: Line,
    /// What suites add.
    pub suites: Vec<SuiteCost>,
}

impl CostModel {
    /// Nanoseconds of a packet from one leg to another, input and output included. Of a suite that is not known, or that
    /// the model does not have, it takes the dearest that encrypts.
    pub fn nanoseconds(&self, receive: Assumed, send: Assumed, payload_bytes: u32) -> f64 {
        let open = self.side(receive, payload_bytes, |cost| cost.open);
        let close = self.side(send, payload_bytes, |cost| cost.close);
        self.input_output + self.plain.at(payload_bytes) + open + close
    }

    fn side(&self, assumed: Assumed, payload_bytes: u32, line: impl Fn(&SuiteCost) -> Line) -> f64 {
        let known = match assumed {
            Assumed::Plain => return 0.0,
            Assumed::Suite(suite) => self.suites.iter().find(|cost| cost.suite == suite),
            Assumed::Unknown => None,
        };
        let at = |cost| line(cost).at(payload_bytes);
        known.map(at).unwrap_or_else(|| {
            self.suites.iter().filter(|cost| cost.suite.encrypts()).map(at).fold(0.0, f64::max)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> CostModel {
        let cost = |suite, open: f64, close: f64| SuiteCost {
            suite,
            open: Line { packet: open, byte: 0.5 },
            close: Line { packet: close, byte: 0.25 },
        };
        CostModel {
            input_output: 500.0,
            plain: Line { packet: 40.0, byte: 0.125 },
            suites: vec![
                cost(Suite::AesCm128HmacSha1_80, 100.0, 110.0),
                cost(Suite::AeadAes256Gcm, 90.0, 120.0),
                cost(Suite::NullHmacSha1_80, 5000.0, 5000.0),
            ],
        }
    }

    #[test]
    fn a_cost_is_the_sum_of_its_parts() {
        let model = model();
        let (cm, gcm) = (Assumed::Suite(Suite::AesCm128HmacSha1_80), Assumed::Suite(Suite::AeadAes256Gcm));
        assert_eq!(model.nanoseconds(Assumed::Plain, Assumed::Plain, 160), 560.0);
        assert_eq!(model.nanoseconds(cm, Assumed::Plain, 160), 560.0 + 180.0);
        assert_eq!(model.nanoseconds(Assumed::Plain, gcm, 160), 560.0 + 160.0);
        assert_eq!(model.nanoseconds(cm, gcm, 160), 560.0 + 180.0 + 160.0);
    }

    #[test]
    fn what_is_not_known_costs_as_much_as_the_dearest_that_encrypts() {
        let model = model();
        let unknown = model.nanoseconds(Assumed::Unknown, Assumed::Unknown, 0);
        assert_eq!(unknown, 540.0 + 100.0 + 120.0);
        // Not in the model.
        let strange = Assumed::Suite(Suite::AesCm192HmacSha1_32);
        assert_eq!(model.nanoseconds(strange, strange, 0), unknown);
        assert_eq!(CostModel::default().nanoseconds(Assumed::Unknown, strange, 1000), 0.0);
    }
}
