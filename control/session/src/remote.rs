// SPDX-License-Identifier: MIT OR Apache-2.0
//! Remote endpoints as requests give them.

use std::net::{IpAddr, SocketAddr};

use crate::{EndpointRequest, NodeConfig, Realm, RemoteRequest, SessionError, address, view::Remote};

/// Checks a remote. `field` is the path of the remote itself.
pub(crate) fn read(
    config: &NodeConfig,
    realm: &Realm,
    multiplexed: bool,
    field: &str,
    request: &RemoteRequest,
) -> Result<Remote, SessionError> {
    let Some(rtp) = &request.rtp else {
        let message = "is missing; give the address and port where the endpoint receives RTP";
        return Err(SessionError::invalid(format!("{field}.rtp"), message));
    };
    let rtp = endpoint(config, realm, &format!("{field}.rtp"), rtp)?;
    let rtcp = match &request.rtcp {
        None if multiplexed => rtp,
        None => {
            let port = rtp.port().checked_add(1).ok_or_else(|| {
                let message = "is 65535, which leaves no port for RTCP; give remote.rtcp or use rtcp_mux";
                SessionError::invalid(format!("{field}.rtp.port"), message)
            })?;
            SocketAddr::new(rtp.ip(), port)
        }
        Some(rtcp) => endpoint(config, realm, &format!("{field}.rtcp"), rtcp)?,
    };
    let refuse = |message: &str| Err(SessionError::invalid(format!("{field}.rtcp"), message));
    if rtp.is_ipv4() != rtcp.is_ipv4() {
        return refuse("is of another address family than remote.rtp; give both of one family");
    }
    if multiplexed && rtp != rtcp {
        return refuse("differs from remote.rtp under rtcp_mux; leave it unset");
    }
    if !multiplexed && rtp == rtcp {
        return refuse("equals remote.rtp; use rtcp_mux or give RTCP its own port");
    }
    Ok(Remote { rtp, rtcp })
}

fn endpoint(
    config: &NodeConfig,
    realm: &Realm,
    field: &str,
    request: &EndpointRequest,
) -> Result<SocketAddr, SessionError> {
    let ip: IpAddr = request.address.parse().map_err(|_| {
        let message = "is not an IPv4 or IPv6 address in text form, such as 192.0.2.7 or 2001:db8::7";
        SessionError::invalid(format!("{field}.address"), message)
    })?;
    let port = u16::try_from(request.port).ok().filter(|port| *port != 0).ok_or_else(|| {
        let message = format!("is {}; give a UDP port of 1 to 65535", request.port);
        SessionError::invalid(format!("{field}.port"), message)
    })?;
    address::check_remote(config, realm, ip, port)
        .map_err(|found| SessionError::invalid(format!("{field}.address"), format!("{ip} {found}")))?;
    Ok(SocketAddr::new(ip, port))
}
