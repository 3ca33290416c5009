// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compiles the interface with a protobuf compiler in Rust, so that a build needs no `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const PROTO: &str = "proto/culvert/v1/relay.proto";

/// Messages that hold key material: no derived `Debug`, and erased when dropped.
const SECRET: [&str; 2] = ["culvert.v1.MasterKey", "culvert.v1.Sdes"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO}");
    let descriptors = protox::compile([PROTO], ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("culvert_descriptor.bin"), descriptors.encode_to_vec())?;

    let mut builder = tonic_prost_build::configure().skip_debug(SECRET).emit_rerun_if_changed(false);
    for message in SECRET {
        builder =
            builder.message_attribute(message, "#[derive(::zeroize::Zeroize, ::zeroize::ZeroizeOnDrop)]");
    }
    builder.compile_fds(descriptors)?;
    Ok(())
}
