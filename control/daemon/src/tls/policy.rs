// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which TLS is spoken, and the cryptographic library behind it.

use std::sync::Arc;

use rustls::{
    SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    version::{TLS12, TLS13},
};

use crate::config::TlsVersion;

/// What the control side demands of TLS, whatever its certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The oldest version that is spoken.
    pub minimum_version: TlsVersion,
    /// Refuse to serve unless all of TLS is done by a FIPS 140 module in its approved mode.
    pub fips: bool,
}

impl Policy {
    pub(super) fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        static NEWER: [&SupportedProtocolVersion; 1] = [&TLS13];
        match self.minimum_version {
            TlsVersion::Tls12 => &BOTH,
            TlsVersion::Tls13 => &NEWER,
        }
    }
}

/// The cryptographic library of everything in this process that speaks TLS.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
