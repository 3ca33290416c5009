// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protocol by which Lync front ends ask for credentials: SIP SERVICE with XML over mutual TLS.
