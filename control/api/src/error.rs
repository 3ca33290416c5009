// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong between a client and a relay, told apart by what the user can do about it.

use std::{error::Error, io, time::Duration};

use rustls::AlertDescription;
use tonic::{Code, Status, TimeoutExpired};

/// Why a call on a relay did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The endpoint is not an `https://host:port` URL.
    #[error("endpoint {endpoint:?} {reason}; give it as https://host:port")]
    Endpoint {
        /// As it was given.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate or key that was given cannot be used.
    #[error("the {what} {reason}; give it in PEM form")]
    Credential {
        /// Which one.
        what: &'static str,
        /// What is wrong with it; never its text.
        reason: String,
    },
    /// No TCP connection to the relay.
    #[error(
        "cannot connect to {endpoint}: {reason}; is culvertd running there, and does it listen on that port?"
    )]
    Unreachable {
        /// The relay.
        endpoint: String,
        /// As the system tells it.
        reason: String,
    },
    /// The relay's certificate does not satisfy this client.
    #[error(
        "the certificate of {endpoint} is not acceptable: {reason}; check the CA file and the server name"
    )]
    ServerCertificate {
        /// The relay.
        endpoint: String,
        /// As TLS tells it.
        reason: String,
    },
    /// The relay does not accept this client's certificate.
    #[error(
        "{endpoint} refused the client certificate: {reason}; use one that the relay's CA signed and that has not expired"
    )]
    ClientCertificate {
        /// The relay.
        endpoint: String,
        /// As TLS tells it.
        reason: String,
    },
    /// TLS failed for a reason that has nothing to do with certificates.
    #[error("no TLS with {endpoint}: {reason}; is that the port of the control interface?")]
    Tls {
        /// The relay.
        endpoint: String,
        /// As TLS tells it.
        reason: String,
    },
    /// The connection ended before the answer came.
    #[error(
        "the connection to {endpoint} broke: {reason}; the relay may have stopped, or refused the client certificate: its log tells"
    )]
    Lost {
        /// The relay.
        endpoint: String,
        /// As the system tells it.
        reason: String,
    },
    /// No answer in time. What was asked for may have happened.
    #[error("no answer from {endpoint} in {after:?}; what was asked for may have happened all the same")]
    Timeout {
        /// The relay.
        endpoint: String,
        /// How long the client waited.
        after: Duration,
    },
    /// The relay answered that it did not do what was asked.
    #[error("{message} ({code})", code = name(*code))]
    Status {
        /// The gRPC status.
        code: Code,
        /// The relay's sentence. It begins with the field at fault, if one is.
        message: String,
    },
}

/// The name of a gRPC status code as the specification writes it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

impl ClientError {
    /// The relay's status, if the relay answered at all.
    pub fn code(&self) -> Option<Code> {
        match self {
            ClientError::Status { code, .. } => Some(*code),
            _ => None,
        }
    }

    pub(crate) fn from_connect(endpoint: &str, error: &(dyn Error + 'static)) -> ClientError {
        from_chain(endpoint, error).unwrap_or_else(|| ClientError::Unreachable {
            endpoint: endpoint.to_owned(),
            reason: innermost(error),
        })
    }

    pub(crate) fn from_status(endpoint: &str, timeout: Duration, status: &Status) -> ClientError {
        // A status that the relay sent has no source; one made here tells of the connection.
        if let Some(source) = status.source() {
            return from_chain(endpoint, source).unwrap_or_else(|| {
                let endpoint = endpoint.to_owned();
                // A connection that breaks cancels its calls too, long before their time is up.
                match status.code() {
                    Code::DeadlineExceeded => ClientError::Timeout { endpoint, after: timeout },
                    Code::Cancelled if expired(source) => ClientError::Timeout { endpoint, after: timeout },
                    _ => ClientError::Lost { endpoint, reason: innermost(source) },
                }
            });
        }
        ClientError::Status { code: status.code(), message: status.message().to_owned() }
    }
}

fn expired(error: &(dyn Error + 'static)) -> bool {
    error.is::<TimeoutExpired>() || error.source().is_some_and(expired)
}

/// The first cause in the chain that says whose fault it is.
fn from_chain(endpoint: &str, error: &(dyn Error + 'static)) -> Option<ClientError> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return Some(from_tls(endpoint, tls));
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            // An io::Error passes over what it wraps when asked for its source.
            if let Some(found) = io.get_ref().and_then(|inner| from_chain(endpoint, inner)) {
                return Some(found);
            }
            return Some(from_io(endpoint, io));
        }
        next = cause.source();
    }
    None
}

fn from_io(endpoint: &str, error: &io::Error) -> ClientError {
    let (endpoint, reason) = (endpoint.to_owned(), error.to_string());
    match error.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => ClientError::Lost { endpoint, reason },
        // HTTP/2 keeps of a TLS error only its text.
        io::ErrorKind::InvalidData if refuses_client(&reason) => {
            ClientError::ClientCertificate { endpoint, reason }
        }
        io::ErrorKind::InvalidData => ClientError::Tls { endpoint, reason },
        _ => ClientError::Unreachable { endpoint, reason },
    }
}

fn from_tls(endpoint: &str, error: &rustls::Error) -> ClientError {
    let (endpoint, reason) = (endpoint.to_owned(), error.to_string());
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            ClientError::ServerCertificate { endpoint, reason }
        }
        rustls::Error::AlertReceived(alert) if CLIENT_ALERTS.contains(alert) => {
            ClientError::ClientCertificate { endpoint, reason }
        }
        _ => ClientError::Tls { endpoint, reason },
    }
}

/// The alerts with which a server refuses a client's certificate.
const CLIENT_ALERTS: [AlertDescription; 9] = [
    AlertDescription::CertificateRequired,
    AlertDescription::BadCertificate,
    AlertDescription::UnsupportedCertificate,
    AlertDescription::CertificateRevoked,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateUnknown,
    AlertDescription::UnknownCA,
    AlertDescription::AccessDenied,
    AlertDescription::DecryptError,
];

fn refuses_client(text: &str) -> bool {
    CLIENT_ALERTS.iter().any(|&alert| rustls::Error::AlertReceived(alert).to_string() == text)
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_the_relay_is_its_sentence_and_the_code_by_name() {
        let status = Status::invalid_argument("media[0].legs[1].dscp: must be 0 to 63");
        let error = ClientError::from_status("https://r:1", Duration::from_secs(1), &status);
        assert_eq!(error.to_string(), "media[0].legs[1].dscp: must be 0 to 63 (INVALID_ARGUMENT)");
        assert_eq!(error.code(), Some(Code::InvalidArgument));
    }

    #[test]
    fn what_an_io_error_wraps_is_found() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, alert);
        let error = ClientError::from_connect("https://r:1", &wrapped);
        assert!(matches!(error, ClientError::ClientCertificate { .. }), "{error:?}");
        assert_eq!(error.code(), None);
    }

    #[test]
    fn an_alert_of_which_only_the_text_is_left_is_known() {
        let text = rustls::Error::AlertReceived(AlertDescription::UnknownCA).to_string();
        let error = ClientError::from_connect("r", &io::Error::new(io::ErrorKind::InvalidData, text));
        assert!(matches!(error, ClientError::ClientCertificate { .. }), "{error:?}");
        let error = ClientError::from_connect("r", &io::Error::new(io::ErrorKind::InvalidData, "other"));
        assert!(matches!(error, ClientError::Tls { .. }), "{error:?}");
    }

    #[test]
    fn a_reset_is_a_lost_connection_and_a_refusal_is_unreachable() {
        let of = |kind| ClientError::from_connect("https://r:1", &io::Error::from(kind));
        assert!(matches!(of(io::ErrorKind::ConnectionReset), ClientError::Lost { .. }));
        assert!(matches!(of(io::ErrorKind::ConnectionRefused), ClientError::Unreachable { .. }));
    }
}
