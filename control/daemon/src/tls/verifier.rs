// SPDX-License-Identifier: MIT OR Apache-2.0
//! The check of a client's certificate.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime},
    server::{
        VerifierBuilderError, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

use super::{Refusal, strength::weakness};

/// rustls' own check of chain, purpose, time and revocation, and after it that of the key's length: rustls notices a short
/// key only by a signature that it cannot check, and could not say what is wrong.
#[derive(Debug)]
pub(super) struct ClientVerifier(Arc<dyn ClientCertVerifier>);

impl ClientVerifier {
    /// With lists, each certificate of a chain but the root has to be told about by one of them that has not expired. RFC 5280
    /// section 6.3.3 calls the status of any other undetermined; to let it in would make a lost or withheld list as good as
    /// an acquittal.
    pub(super) fn new(
        roots: RootCertStore,
        lists: Vec<CertificateRevocationListDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<ClientVerifier, VerifierBuilderError> {
        WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider))
            .with_crls(lists)
            .enforce_revocation_expiration()
            .build()
            .map(ClientVerifier)
    }

    /// Whether a chain that was accepted at some time would have been so with what is known now. Judged as of that time: a
    /// connection outlives its certificate and a list's next update, but not its revocation.
    pub(super) fn judge_again(
        &self,
        chain: &[CertificateDer<'_>],
        accepted: UnixTime,
    ) -> Result<(), Refusal> {
        let (end_entity, intermediates) = chain.split_first().ok_or(Refusal::NoCertificate)?;
        let verified = self.verify_client_cert(end_entity, intermediates, accepted);
        verified.map(drop).map_err(|error| Refusal::of_tls(&error))
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.0.verify_client_cert(end_entity, intermediates, now)?;
        match weakness(end_entity) {
            None => Ok(verified),
            Some(weakness) => Err(CertificateError::Other(OtherError(Arc::new(weakness))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
