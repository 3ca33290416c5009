// SPDX-License-Identifier: MIT OR Apache-2.0
use std::{net::IpAddr, ops::RangeInclusive, time::Duration};

use crate::{EncryptionLevel, address::Subnet};

/// What a relay has to give.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The networks on which legs may live.
    pub realms: Vec<Realm>,
    /// The most sessions at a time.
    pub max_sessions: usize,
    /// Relay cores.
    pub workers: u32,
    /// The most flows that one worker holds. A session takes two for each of its media.
    pub max_flows_per_worker: usize,
    /// For sessions that name none.
    pub media_timeout: Duration,
    /// The most streams (SSRCs) that a leg may ask for, 1..=256.
    pub max_ssrcs: u16,
    /// The kinds of peers that legs may name.
    pub peer_classes: Vec<PeerClass>,
    /// Refuse suites that are not approved by FIPS 140-3: see [`Suite::is_fips_approved`](culvert_srtp::Suite).
    pub approved_suites_only: bool,
}

/// A kind of peer: phones, a federated network, a media gateway.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerClass {
    /// As legs name it.
    pub name: String,
    /// What such peers can do, and what is demanded of them.
    pub encryption: EncryptionLevel,
    /// Such peers have a certificate, so that their control channel is mutual TLS. Without one, the channel is clear
    /// and no key may travel on it.
    pub certificate: bool,
}

impl PeerClass {
    /// The level in force: without a certificate there is no SRTP.
    pub fn level(&self) -> EncryptionLevel {
        if self.certificate { self.encryption } else { EncryptionLevel::NotSupported }
    }
}

/// A named network.
#[derive(Clone, Debug)]
pub struct Realm {
    /// As legs name it.
    pub name: String,
    /// The relay's own addresses in it; of one family or both.
    pub addresses: Vec<RealmAddress>,
    /// UDP ports that the relay may use on each of the addresses.
    pub ports: RangeInclusive<u16>,
}

/// An address of the relay.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct RealmAddress {
    /// On which packets arrive.
    pub address: IpAddr,
    /// Length of the subnet's prefix in bits, when known. It tells which address is the subnet's broadcast address.
    pub prefix: Option<u8>,
    /// What to signal instead of `address`, for hosts behind one-to-one NAT.
    pub advertised: Option<IpAddr>,
}

impl RealmAddress {
    /// Reads `192.0.2.1` or `192.0.2.1/24`.
    ///
    /// # Errors
    /// [`ConfigError::Address`].
    pub fn parse(text: &str, advertised: Option<IpAddr>) -> Result<RealmAddress, ConfigError> {
        let wrong = || ConfigError::Address { text: text.to_owned() };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        if prefix.is_some_and(|prefix| prefix > if address.is_ipv4() { 32 } else { 128 }) {
            return Err(wrong());
        }
        Ok(RealmAddress { address, prefix, advertised })
    }

    /// What to signal.
    pub fn advertised(&self) -> IpAddr {
        self.advertised.unwrap_or(self.address)
    }

    pub(crate) fn subnet(&self) -> Option<Subnet> {
        self.prefix.map(|prefix| Subnet { address: self.address, prefix })
    }
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No realm.
    #[error("there is no realm; name at least one")]
    NoRealm,
    /// Two realms have one name.
    #[error("the realm {name:?} is there twice; rename one")]
    DuplicateRealm {
        /// The name.
        name: String,
    },
    /// A realm without addresses.
    #[error("the realm {name:?} has no address; give it one")]
    NoAddress {
        /// The realm.
        name: String,
    },
    /// Not an address with or without a prefix length.
    #[error("{text:?} is not an IP address such as 192.0.2.1, 192.0.2.1/24 or 2001:db8::1/64")]
    Address {
        /// As it was given.
        text: String,
    },
    /// An address that no host can have.
    #[error(
        "the realm {name:?} has the address {address}, which is not one that a host can have; give the interface's own"
    )]
    NotUnicast {
        /// The realm.
        name: String,
        /// The address.
        address: IpAddr,
    },
    /// The advertised address is of the other family.
    #[error("the realm {name:?} advertises {advertised} for {address}, which is of the other address family")]
    AdvertisedFamily {
        /// The realm.
        name: String,
        /// The local address.
        address: IpAddr,
        /// The advertised one.
        advertised: IpAddr,
    },
    /// Fewer than two ports, or port 0.
    #[error("the realm {name:?} has the ports {first} to {last}; give it two or more, none of them 0")]
    Ports {
        /// The realm.
        name: String,
        /// First port.
        first: u16,
        /// Last port.
        last: u16,
    },
    /// Two realms would hand out one port.
    #[error(
        "the realms {first:?} and {second:?} share ports of {address}; give them ranges that do not overlap"
    )]
    Overlap {
        /// A realm.
        first: String,
        /// The other, or the same when an address is in it twice.
        second: String,
        /// The address in both.
        address: IpAddr,
    },
    /// Two peer classes of one name.
    #[error("the peer class {name:?} is there twice; rename one")]
    DuplicateClass {
        /// The name.
        name: String,
    },
    /// A peer class that demands what its peers cannot have.
    #[error(
        "the peer class {name:?} requires encryption but has no certificate, so that its keys would travel in clear; \
         give it one, or set its level to SUPPORTED or NOT_SUPPORTED"
    )]
    ClassWithoutCertificate {
        /// The name.
        name: String,
    },
    /// A number that must not be 0.
    #[error("{field} must not be 0")]
    Zero {
        /// Which.
        field: &'static str,
    },
}

impl NodeConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        for (field, zero) in [
            ("max_sessions", self.max_sessions == 0),
            ("workers", self.workers == 0),
            ("max_flows_per_worker", self.max_flows_per_worker == 0),
            ("media_timeout", self.media_timeout.is_zero()),
            ("max_ssrcs", self.max_ssrcs == 0),
        ] {
            if zero {
                return Err(ConfigError::Zero { field });
            }
        }
        if self.realms.is_empty() {
            return Err(ConfigError::NoRealm);
        }
        for (index, realm) in self.realms.iter().enumerate() {
            realm.check()?;
            let earlier = self.realms.get(..index).unwrap_or_default();
            if earlier.iter().any(|other| other.name == realm.name) {
                return Err(ConfigError::DuplicateRealm { name: realm.name.clone() });
            }
            for other in earlier {
                realm.check_against(other)?;
            }
        }
        for (index, class) in self.peer_classes.iter().enumerate() {
            let name = || class.name.clone();
            if self.peer_classes.iter().skip(index + 1).any(|other| other.name == class.name) {
                return Err(ConfigError::DuplicateClass { name: name() });
            }
            if class.encryption == EncryptionLevel::Required && !class.certificate {
                return Err(ConfigError::ClassWithoutCertificate { name: name() });
            }
        }
        Ok(())
    }
}

impl Realm {
    fn check(&self) -> Result<(), ConfigError> {
        let name = || self.name.clone();
        if self.addresses.is_empty() {
            return Err(ConfigError::NoAddress { name: name() });
        }
        let (first, last) = (*self.ports.start(), *self.ports.end());
        if first == 0 || last <= first {
            return Err(ConfigError::Ports { name: name(), first, last });
        }
        for (index, own) in self.addresses.iter().enumerate() {
            for address in [own.address, own.advertised()] {
                if crate::address::not_a_host(address).is_some() {
                    return Err(ConfigError::NotUnicast { name: name(), address });
                }
            }
            if own.advertised().is_ipv4() != own.address.is_ipv4() {
                let (address, advertised) = (own.address, own.advertised());
                return Err(ConfigError::AdvertisedFamily { name: name(), address, advertised });
            }
            if self.addresses.iter().skip(index + 1).any(|other| other.address == own.address) {
                return Err(ConfigError::Overlap { first: name(), second: name(), address: own.address });
            }
        }
        Ok(())
    }

    fn check_against(&self, other: &Realm) -> Result<(), ConfigError> {
        if self.ports.start() > other.ports.end() || other.ports.start() > self.ports.end() {
            return Ok(());
        }
        let shared = |own: &&RealmAddress| other.addresses.iter().any(|theirs| theirs.address == own.address);
        match self.addresses.iter().find(shared) {
            Some(RealmAddress { address, .. }) => Err(ConfigError::Overlap {
                first: other.name.clone(),
                second: self.name.clone(),
                address: *address,
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(name: &str, address: &str, ports: RangeInclusive<u16>) -> Realm {
        let addresses = vec![RealmAddress::parse(address, None).unwrap()];
        Realm { name: name.into(), addresses, ports }
    }

    fn check(realms: Vec<Realm>) -> Result<(), String> {
        let config = NodeConfig {
            realms,
            max_sessions: 1,
            workers: 1,
            max_flows_per_worker: 1,
            media_timeout: Duration::from_secs(1),
            max_ssrcs: 256,
            peer_classes: Vec::new(),
            approved_suites_only: false,
        };
        config.check().map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_with_and_without_prefix() {
        let parse = |text| RealmAddress::parse(text, None).map(|own| (own.address.to_string(), own.prefix));
        assert_eq!(parse("192.0.2.1"), Ok(("192.0.2.1".into(), None)));
        assert_eq!(parse("2001:db8::1/64"), Ok(("2001:db8::1".into(), Some(64))));
        for text in ["192.0.2.1/33", "2001:db8::1/129", "192.0.2.1/", "x", "192.0.2.1/-1", "192.0.2.0.1"] {
            assert_eq!(parse(text), Err(ConfigError::Address { text: text.into() }));
        }
    }

    #[test]
    fn realms_that_cannot_be() {
        let good = || realm("a", "192.0.2.1", 100..=200);
        assert_eq!(check(vec![good(), realm("b", "192.0.2.1", 201..=300)]), Ok(()));
        assert_eq!(check(vec![]).unwrap_err(), "there is no realm; name at least one");
        assert_eq!(
            check(vec![good(), realm("a", "192.0.2.2", 1..=2)]).unwrap_err(),
            "the realm \"a\" is there twice; rename one"
        );
        assert_eq!(
            check(vec![good(), realm("b", "192.0.2.1", 200..=300)]).unwrap_err(),
            "the realms \"a\" and \"b\" share ports of 192.0.2.1; give them ranges that do not overlap"
        );
        for ports in [0..=10, 10..=10, RangeInclusive::new(11, 10)] {
            let found = check(vec![realm("a", "192.0.2.1", ports)]).unwrap_err();
            assert!(found.contains("give it two or more, none of them 0"), "{found}");
        }
        for address in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:192.0.2.1"] {
            let found = check(vec![realm("a", address, 1..=2)]).unwrap_err();
            assert!(found.contains("not one that a host can have"), "{found}");
        }
        let mut crossed = good();
        crossed.addresses[0].advertised = Some("2001:db8::1".parse().unwrap());
        assert!(check(vec![crossed]).unwrap_err().contains("other address family"));
    }

    #[test]
    fn peer_classes_that_cannot_be() {
        let class = |encryption, certificate| PeerClass { name: "gateway".into(), encryption, certificate };
        let check = |peer_classes| {
            let config = NodeConfig {
                realms: vec![realm("a", "192.0.2.1", 100..=200)],
                max_sessions: 1,
                workers: 1,
                max_flows_per_worker: 1,
                media_timeout: Duration::from_secs(1),
                max_ssrcs: 256,
                peer_classes,
                approved_suites_only: false,
            };
            config.check()
        };
        let supported = || class(EncryptionLevel::Supported, false);
        assert_eq!(check(vec![supported()]), Ok(()));
        let name = || "gateway".to_owned();
        assert_eq!(check(vec![supported(), supported()]), Err(ConfigError::DuplicateClass { name: name() }));
        assert_eq!(
            check(vec![class(EncryptionLevel::Required, false)]),
            Err(ConfigError::ClassWithoutCertificate { name: name() })
        );
    }
}
