// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compiles the interface with a protobuf compiler in Rust, so that a build needs no `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const PROTOS: [&str; 2] = ["proto/culvert/v1/relay.proto", "proto/culvert/v1/media_relay_auth.proto"];

/// Messages that hold key material or passwords: no derived `Debug`, and erased when dropped.
const SECRET: [&str; 4] =
    ["culvert.v1.MasterKey", "culvert.v1.Sdes", "culvert.v1.Participant", "culvert.v1.Credential"];

fn main() -> Result<(), Box<dyn Error>> {
    for proto in PROTOS {
        println!("cargo::rerun-if-changed={proto}");
    }
    let descriptors = protox::compile(PROTOS, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("culvert_descriptor.bin"), descriptors.encode_to_vec())?;

    let mut builder = tonic_prost_build::configure().skip_debug(SECRET).emit_rerun_if_changed(false);
    for message in SECRET {
        builder =
            builder.message_attribute(message, "#[derive(::zeroize::Zeroize, ::zeroize::ZeroizeOnDrop)]");
    }
    for field in ["expiry", "relays"] {
        builder = builder.field_attribute(format!("culvert.v1.Credential.{field}"), "#[zeroize(skip)]");
    }
    builder.compile_fds(descriptors)?;
    Ok(())
}
