// SPDX-License-Identifier: MIT OR Apache-2.0
//! The culvert.v1 gRPC interface and a typed client.
