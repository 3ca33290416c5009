// SPDX-License-Identifier: MIT OR Apache-2.0
use culvert_srtp::Suite;

use super::*;

const PASSWORD: &str = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE";
const END: u64 = 1_800_000_000;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn media(index: u32, suite: Suite) -> MediaKeys {
    let key =
        |byte| KeyAndSalt::new(suite, &vec![byte; suite.key_length()], &vec![byte; suite.salt_length()]);
    MediaKeys { index, kid: format!("k{index}"), send: key(1).unwrap(), receive: key(2).unwrap() }
}

fn keys() -> SessionKeys {
    SessionKeys {
        session: "call \"1\"\n".to_owned(),
        participant: "sip:alice@example.org".to_owned(),
        media: Suite::ALL.into_iter().zip(0..).map(|(suite, index)| media(index, suite)).collect(),
    }
}

fn sealed(keys: &SessionKeys) -> String {
    seal(PASSWORD, CredentialId::of("user"), keys, END).unwrap()
}

#[test]
fn what_was_sealed_is_opened_until_its_end() {
    let container = sealed(&keys());
    assert_eq!(open(PASSWORD, &container, at(0)), Ok(keys()));
    assert_eq!(open(PASSWORD, &container, at(END - 1)), Ok(keys()));
    assert_eq!(open(PASSWORD, &container, at(END)), Err(OpenError));
    assert_eq!(peek(&container), Ok((Some(CredentialId::of("user")), at(END))));
}
