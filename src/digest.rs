//! Digests of texts, as locks and the files for agents carry them.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The first 12 hexadecimal digits of the SHA-256 of these bytes.
pub(crate) fn of(bytes: &[u8]) -> String {
    let mut digits = whole(bytes);
    digits.truncate(12);
    digits
}

/// All hexadecimal digits of the SHA-256 of these bytes: for what somebody might want to be taken for something else.
pub(crate) fn whole(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
