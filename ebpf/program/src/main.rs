// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steers packets to relay endpoints to the `AF_XDP` socket of their receive queue.
//!
//! Packets to ports that are kept for endpoints and are none now are dropped. Everything else passes to the kernel
//! untouched. Nothing is written to a packet.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod maps;
mod packet;
mod steer;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_REDIRECT};
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use culvert_ebpf_abi::Counter;
use steer::Outcome;

#[xdp]
fn culvert(context: XdpContext) -> u32 {
    let (verdict, counter) = match steer::steer(&context) {
        Outcome::NotOurs => return XDP_PASS,
        Outcome::Redirected => (XDP_REDIRECT, Counter::Redirected),
        Outcome::NoSocket => (XDP_PASS, Counter::NoSocket),
        Outcome::Drop(reason) => (XDP_DROP, reason),
    };
    maps::count(counter);
    verdict
}

/// Looping is refused by the verifier: a program that could panic does not load.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 18] = *b"MIT OR Apache-2.0\0";
