// SPDX-License-Identifier: MIT OR Apache-2.0
//! A process that may lock nothing. Alone in its program, as it gives its rights up.

#![expect(unsafe_code, reason = "system calls")]

use culvert_secret::{MemoryError, Secret, SecretBytes, check, usage};

fn give_up_rights() {
    let nothing = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: neither call touches memory but the structure. Without root's rights the limit holds.
    unsafe {
        assert_eq!(libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const nothing), 0);
        if libc::geteuid() == 0 {
            assert_eq!(libc::setresuid(65_534, 65_534, 65_534), 0);
        }
    }
}

#[test]
fn keys_work_unlocked_and_it_is_told() {
    give_up_rights();
    let error = check().unwrap_err();
    assert!(matches!(error, MemoryError::NotLocked { bytes: 0x20_0000, limit: Some(0) }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "cannot lock 2097152 bytes of memory for keys, of which this process may lock 0: set LimitMEMLOCK=infinity in the \
         systemd unit, or raise `ulimit -l`"
    );
    let (key, bytes) = (Secret::new([7_u8; 32]), SecretBytes::copy_of(&[8; 100_000]));
    assert_eq!((*key, &bytes[..]), ([7; 32], &[8; 100_000][..]));
    let (locked, unlocked) = (usage().locked, usage().unlocked);
    assert!(locked == 0 && unlocked > 0x20_0000, "{locked} {unlocked}");
    drop(bytes);
    assert_eq!((usage().unlocked, usage().in_use), (0x20_0000, 32));
}
