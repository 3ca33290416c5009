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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use culvert_devcerts::{Authority, Issued, Validity};
    use rustls::pki_types::pem::PemObject as _;

    use super::*;
    use crate::tls::provider;

    const VALID: Validity = Validity::Days(1);

    fn verifier(authorities: &[&Authority], lists: &[String]) -> ClientVerifier {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots
                .add(CertificateDer::from_pem_slice(authority.certificate_pem().as_bytes()).unwrap())
                .unwrap();
        }
        let lists =
            lists.iter().map(|list| CertificateRevocationListDer::from_pem_slice(list.as_bytes()).unwrap());
        ClientVerifier::new(roots, lists.collect(), &provider()).unwrap()
    }

    fn chain(issued: &Issued, above: &[&Authority]) -> Vec<CertificateDer<'static>> {
        let above = above.iter().map(|authority| authority.certificate_pem());
        let pem = [issued.certificate_pem.as_str()].into_iter().chain(above).collect::<String>();
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap()
    }

    fn hours_ago(hours: u64) -> UnixTime {
        let now = UnixTime::now().as_secs();
        UnixTime::since_unix_epoch(Duration::from_secs(now - hours * 3600))
    }

    #[test]
    fn a_connection_outlives_its_certificate_but_not_its_revocation() {
        let authority = Authority::new("test", VALID).unwrap();
        // Was valid from two days to one day ago.
        let issued = authority.client("front.test", Validity::Expired).unwrap();
        let chain = chain(&issued, &[]);
        let list = |serials: &[u64]| authority.revoke(serials, VALID).unwrap();
        for (lists, expected) in [
            (vec![], Ok(())),
            (vec![list(&[])], Ok(())),
            (vec![list(&[issued.serial])], Err(Refusal::Revoked)),
            (vec![list(&[1, issued.serial, 2])], Err(Refusal::Revoked)),
        ] {
            let verifier = verifier(&[&authority], &lists);
            assert_eq!(verifier.judge_again(&chain, hours_ago(36)), expected);
            assert_eq!(verifier.judge_again(&chain, hours_ago(0)), Err(Refusal::Expired));
        }
        let other = Authority::new("other", VALID).unwrap();
        let verifier = verifier(&[&other], &[]);
        assert_eq!(verifier.judge_again(&chain, hours_ago(36)), Err(Refusal::UnknownAuthority));
        assert_eq!(verifier.judge_again(&[], hours_ago(36)), Err(Refusal::NoCertificate));
    }

    #[test]
    fn every_authority_of_a_chain_has_to_have_a_list_that_is_current() {
        let root = Authority::new("root", VALID).unwrap();
        let below = root.intermediate("below", VALID).unwrap();
        let issued = below.client("front.test", VALID).unwrap();
        let chain = chain(&issued, &[&below]);
        let [nothing, unknown] = [&[][..], &[7]];
        let list =
            |authority: &Authority, serials: &[u64], validity| authority.revoke(serials, validity).unwrap();
        for (lists, expected) in [
            (vec![], Ok(())),
            (vec![list(&root, nothing, VALID), list(&below, unknown, VALID)], Ok(())),
            (vec![list(&root, nothing, VALID)], Err(Refusal::RevocationUnknown)),
            (vec![list(&below, nothing, VALID)], Err(Refusal::RevocationUnknown)),
            (
                vec![list(&root, nothing, VALID), list(&below, nothing, Validity::Expired)],
                Err(Refusal::RevocationUnknown),
            ),
            (
                vec![list(&root, nothing, Validity::Expired), list(&below, nothing, VALID)],
                Err(Refusal::RevocationUnknown),
            ),
            (vec![list(&root, nothing, VALID), list(&below, &[issued.serial], VALID)], Err(Refusal::Revoked)),
            (
                vec![list(&root, &[below.serial()], VALID), list(&below, nothing, VALID)],
                Err(Refusal::Revoked),
            ),
            // Signed by another authority of the same name.
            (
                vec![
                    list(&root, nothing, VALID),
                    list(&root.intermediate("below", VALID).unwrap(), nothing, VALID),
                ],
                Err(Refusal::RevocationUnknown),
            ),
        ] {
            assert_eq!(verifier(&[&root], &lists).judge_again(&chain, hours_ago(0)), expected);
        }
    }
}
