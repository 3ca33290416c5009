// SPDX-License-Identifier: MIT OR Apache-2.0

use aya_ebpf::macros::map;
use aya_ebpf::maps::{HashMap, PerCpuArray, XskMap};
use culvert_ebpf_abi::{Counter, EndpointKey, MediaPorts, Present};
use culvert_wire::Endpoint;

// User space sets the sizes of these two when it loads the program.
#[map]
static ENDPOINTS: HashMap<EndpointKey, Present> = HashMap::with_max_entries(1, 0);

#[map]
static SOCKETS: XskMap = XskMap::with_max_entries(1, 0);

/// More addresses than a relay has.
#[map]
static MEDIA_PORTS: HashMap<[u8; 16], MediaPorts> = HashMap::with_max_entries(256, 0);

#[map]
static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Counter::COUNT, 0);

#[inline(always)]
pub(crate) fn is_relay(endpoint: Endpoint) -> bool {
    ENDPOINTS.get_ptr(EndpointKey::new(endpoint)).is_some()
}

/// Whether nobody but the relay may have the port.
#[inline(always)]
pub(crate) fn is_media_port(endpoint: Endpoint) -> bool {
    match MEDIA_PORTS.get_ptr(endpoint.address.0) {
        // SAFETY: the kernel keeps the entry while the program runs, and its numbers are read one by one.
        Some(ports) => unsafe { (*ports).contains(endpoint.port) },
        None => false,
    }
}

/// Whether the packet is now on its way to the socket of `queue`; there may be none.
#[inline(always)]
pub(crate) fn redirect(queue: u32) -> bool {
    SOCKETS.redirect(queue, 0).is_ok()
}

#[inline(always)]
pub(crate) fn count(counter: Counter) {
    if let Some(value) = COUNTERS.get_ptr_mut(counter.index()) {
        // SAFETY: the entry is this CPU's own and valid for the run, and an XDP program is not preempted by
        // another run on its CPU.
        unsafe { *value = (*value).wrapping_add(1) };
    }
}
