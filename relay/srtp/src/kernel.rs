// SPDX-License-Identifier: MIT OR Apache-2.0
//! The only modules of the crate that hold unsafe code. Each offers a safe interface: a value of its key type exists
//! only where the processor has been found to have the instructions.

//TODO #[expect(unsafe_code, reason = "AES instructions are behind target features, and loads take pointers")]
pub(crate) mod aes_ni;
