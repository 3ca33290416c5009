// SPDX-License-Identifier: MIT OR Apache-2.0
//! The media relay authentication service as functions: credentials, sealed keys, revocation, quotas.
