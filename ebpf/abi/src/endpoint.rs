// SPDX-License-Identifier: MIT OR Apache-2.0

use culvert_wire::{Address, Endpoint};

/// The key of the endpoint map. It has no bytes that are not set: the kernel hashes them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct EndpointKey {
    address: [u8; 16],
    port: [u8; 2],
    padding: [u8; 2],
}

impl EndpointKey {
    /// The key of an endpoint.
    #[inline(always)]
    pub const fn new(endpoint: Endpoint) -> Self {
        Self { address: endpoint.address.0, port: endpoint.port.to_be_bytes(), padding: [0; 2] }
    }

    /// The endpoint of this key.
    #[inline(always)]
    pub const fn endpoint(self) -> Endpoint {
        Endpoint::new(Address(self.address), u16::from_be_bytes(self.port))
    }
}

// SAFETY: the type is Copy, 'static and repr(C); its bytes are all initialised, and any bytes are valid for it.
#[cfg(feature = "user")]
#[expect(unsafe_code, reason = "aya reads and writes the type as bytes")]
unsafe impl aya::Pod for EndpointKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_the_kernel_map() {
        assert_eq!(size_of::<EndpointKey>(), 20);
        assert_eq!(align_of::<EndpointKey>(), 1);
        let key = EndpointKey::new(Endpoint::new(Address::from_ipv4([192, 0, 2, 1]), 0x1234));
        assert_eq!(key.address, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1]);
        assert_eq!((key.port, key.padding), ([0x12, 0x34], [0, 0]));
    }

    #[test]
    fn an_endpoint_comes_back() {
        for (address, port) in [(Address::from_ipv4([192, 0, 2, 1]), 1), (Address([0x20; 16]), u16::MAX)] {
            let endpoint = Endpoint::new(address, port);
            assert_eq!(EndpointKey::new(endpoint).endpoint(), endpoint);
        }
    }
}
