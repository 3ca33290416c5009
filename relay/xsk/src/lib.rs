// SPDX-License-Identifier: MIT OR Apache-2.0
//! AF_XDP: packet memory, rings and sockets.
