// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clients and certificates that rustls refuses to make: OpenSSL's command, and a ClientHello by hand.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use culvert_devcerts::{Authority, Issued};

/// Files for OpenSSL, under names of their own.
pub(crate) struct Workshop {
    directory: tempfile::TempDir,
}

impl Workshop {
    pub(crate) fn new() -> Workshop {
        Workshop { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    /// A client certificate of an authority (or of itself), with the options of `openssl req -newkey` and of `openssl x509`.
    pub(crate) fn client(&self, authority: Option<&Authority>, key: &str, signature: &str) -> Issued {
        self.run(&format!(
            "req -new -nodes -subj /CN=front.test -keyout key.pem -out request.pem -newkey {key}"
        ));
        let extensions =
            "subjectAltName=DNS:front.test\nextendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n";
        self.write("extensions", extensions);
        let signer = match authority {
            None => "-signkey key.pem",
            Some(authority) => {
                self.write("ca.pem", authority.certificate_pem());
                self.write("ca.key", &authority.key_pem());
                "-CA ca.pem -CAkey ca.key"
            }
        };
        let serial = 0x7e57;
        self.run(&format!(
            "x509 -req -in request.pem -out client.pem -days 1 -extfile extensions -set_serial {serial} {signer} {signature}"
        ));
        Issued { certificate_pem: self.read("client.pem"), key_pem: self.read("key.pem"), serial }
    }

    fn run(&self, arguments: &str) {
        let output = openssl(self.directory.path(), arguments);
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Connects with `openssl s_client` and hangs up as soon as the handshake is over.
    pub(crate) fn connect(&self, port: u16, client: Option<&Issued>, arguments: &str) -> Output {
        let certificate = client.map(|issued| {
            self.write("s_client.pem", &issued.certificate_pem);
            self.write("s_client.key", &issued.key_pem);
            "-cert s_client.pem -cert_chain s_client.pem -key s_client.key"
        });
        let certificate = certificate.unwrap_or_default();
        let always = "-servername localhost -alpn h2 -cipher ALL:COMPLEMENTOFALL:@SECLEVEL=0";
        openssl(
            self.directory.path(),
            &format!("s_client -connect 127.0.0.1:{port} {always} {certificate} {arguments}"),
        )
    }
}

/// Without the system's configuration, which may raise the security level.
fn openssl(directory: &Path, arguments: &str) -> Output {
    Command::new("openssl")
        .args(arguments.split_whitespace())
        .env("OPENSSL_CONF", "/dev/null")
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// A record with a ClientHello (RFC 5246 section 7.4.1.2) of a version that offers these suites, with signature algorithms,
/// groups and point formats as a client of TLS 1.2 has them.
pub(crate) fn client_hello(version: u16, suites: &[u16]) -> Vec<u8> {
    let list = |items: &[u16]| items.iter().flat_map(|item| item.to_be_bytes()).collect::<Vec<_>>();
    let vector = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let extension = |number: u16, body: &[u8]| [&number.to_be_bytes()[..], &vector(body)].concat();
    let extensions = [
        extension(10, &vector(&list(&[0x001d, 0x0017, 0x0018]))),
        extension(11, &[1, 0]),
        extension(13, &vector(&list(&[0x0403, 0x0503, 0x0804, 0x0401, 0x0203, 0x0201]))),
    ]
    .concat();
    let body =
        [&version.to_be_bytes()[..], &[7; 32], &[0], &vector(&list(suites)), &[1, 0], &vector(&extensions)]
            .concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let handshake = [&[1], &length[1..], &body].concat();
    [&[22, 3, 1][..], &vector(&handshake)].concat()
}
