//! Digests of texts, as locks and the files for agents carry them.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The first 12 hexadecimal digits of the SHA-256 of these bytes.
pub(crate) fn of(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in Sha256::digest(bytes).iter().take(6) {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
