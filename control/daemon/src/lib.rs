// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Culvert media relay daemon: configuration, mutual TLS, logs and metrics around the relay.

pub mod audit;
pub mod backend;
pub mod capacity;
pub mod check;
pub mod collector;
pub mod config;
pub mod explain;
pub mod fips;
pub mod flow_sums;
pub mod grpc;
pub mod key_memory;
pub mod logging;
pub mod metrics;
pub mod mras;
pub mod node;
pub mod plane;
pub mod quality;
pub mod roles;
pub mod run;
pub mod srtp_path;
pub mod system;
pub mod tls;
