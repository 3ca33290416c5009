// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a worker does, the same on every back end: each case of `cases` runs on each harness.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(unreachable_pub, reason = "the modules of a test have no other users")]

mod call;
mod cases;
mod client;
mod harness;
mod memory;
mod socket;
mod xdp;

macro_rules! case {
    ([$(#[$attribute:meta])*] $harness:ty, $module:ident, $case:ident) => {
        #[test]
        $(#[$attribute])*
        fn $case() {
            crate::cases::$module::$case::<$harness>();
        }
    };
}

macro_rules! suite {
    ($attributes:tt $harness:ty; $($module:ident { $($case:ident)* })*) => {
        $($(case! { $attributes $harness, $module, $case })*)*
    };
}

/// Lists the cases once, and runs them on a harness, under the attributes in brackets.
macro_rules! every_case {
    ($attributes:tt $harness:ty) => {
        suite! { $attributes $harness;
            media {
                plain_to_plain_both_ways
                srtp_to_plain
                plain_to_srtp
                srtp_to_srtp_of_another_suite
                every_pair_of_suites
                rtcp_on_its_own_port
                rtcp_multiplexed
                between_ipv4_and_ipv6
                dscp_is_kept_or_set_and_ecn_passes
                statistics_count_loss_per_ssrc
            }
            source {
                a_fixed_source_refuses_strangers
                learns_the_first_source_that_authenticates
                learns_from_the_signalled_address_on_a_plain_leg
                learns_anyone_on_a_plain_leg_when_told_to
                learns_nobody_on_a_plain_leg_without_an_address
                a_new_rule_forgets_what_was_learnt
                media_flow_to_a_source_that_was_learnt
            }
            refusal {
                forgeries_change_nothing
                a_replay_is_refused
                a_duplicate_from_a_plain_leg_does_not_reuse_an_index
                held_flows_relay_nothing_and_keep_up
                nothing_passes_before_keys_are_known
                only_media_pass
                rtp_and_rtcp_keep_to_their_ports
                longer_than_the_path_takes
                without_a_remote_or_a_next_hop
                to_a_port_without_a_flow
                no_more_ssrcs_than_there_is_room_for
            }
            command {
                a_rekey_loses_nothing_in_flight
                a_key_that_has_served_its_lifetime_is_reported_once
                what_is_removed_comes_back
                what_cannot_be_carried_out_comes_back
                sides_are_replaced_and_come_back
            }
        }
    };
}

mod on_memory {
    every_case!([] crate::memory::MemoryHarness);
}

mod on_sockets {
    every_case!([] crate::socket::SocketHarness);
}

mod on_xdp_native {
    every_case!([#[ignore = "needs root"]] crate::xdp::XdpHarness<crate::xdp::Native>);
}

mod on_xdp_generic {
    every_case!([#[ignore = "needs root"]] crate::xdp::XdpHarness<crate::xdp::Generic>);
}
