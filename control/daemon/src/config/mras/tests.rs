// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::config::tests::{complaints, with};

#[test]
fn peer_classes_and_mras_that_cannot_be() {
    for (more, expected) in [
        ("[[peer_class]]\nname = \"\"", "peer_class[0].name: must not be empty"),
        (
            "[[peer_class]]\nname = \"a\"\n[[peer_class]]\nname = \"a\"",
            "peer_class[1].name: \"a\" is there twice; rename one",
        ),
        (
            "[[peer_class]]\nname = \"a\"\nencryption = \"required\"\ncertificate = false",
            "peer_class[0].encryption: is required, but without a certificate keys would travel on a clear control \
             channel; set certificate = true, or encryption to \"supported\" or \"not_supported\"",
        ),
        (
            "[[peer_class]]\nname = \"a\"\nencryption = \"optional\"",
            "peer_class[0].encryption: must be one of \"required\", \"supported\", \"not_supported\", not \"optional\"",
        ),
        ("[[peer_class]]\nname = \"a\"\nencryption = \"supported\"", "peer_class[0].certificate: is missing"),
        ("[[peer_class]]\nname = \"a\"\ncertificate = true", "peer_class[0].encryption: is missing"),
        ("[mras]\nrealm = \"\"", "mras.realm: must have 1 to 127 printable characters"),
        ("[mras]\nmaximum_duration = \"59s\"", "mras.maximum_duration: must be from 1 minute to 180 days"),
        ("[mras]\ndefault_duration = \"181d\"", "mras.default_duration: must be from 1 minute to 180 days"),
        ("[mras]\non_expiry = \"hang\"", "mras.on_expiry: must be one of \"stop\", \"finish\", not \"hang\""),
        (
            "[mras.sip]\nlisten = \"127.0.0.1:5062\"",
            "mras.sip.listen: needs mras.key_file: without it MRAS is off",
        ),
        (
            "[node]\nfips = true\n[mras]\nkey_file = \"keys\"\n[mras.sip]\nlisten = \"127.0.0.1:5062\"",
            "mras.sip.listen: front ends ask for credentials by SIP that are used through a STUN key made by MD5, which \
             node.fips = true does not allow; leave it out, and have them ask over gRPC for Culvert's own",
        ),
        (
            "[[mras.relay]]\nname = \"a\"\naddress = \"here\"",
            "mras.relay[0].address: must be an IP address such as \"198.51.100.1\", not \"here\"",
        ),
        (
            "[[mras.relay]]\nname = \"a\"\naddress = \"192.0.2.1\"\nudp_port = 0",
            "mras.relay[0].udp_port: must not be 0",
        ),
        ("[audit]\nrotate_at = 0", "audit.rotate_at: must not be 0"),
    ] {
        let found = complaints(&with(more)).join("\n");
        assert!(found.contains(expected), "{expected}\n{found}");
    }
}
