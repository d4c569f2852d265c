//! What nobody else has.

use crate::error::{Error, Kind, Result};

/// Some bytes that nobody else has: 16 of them, in hexadecimal.
pub(crate) fn nonce() -> Result<String> {
    Ok(format!("{:032x}", u128::from_le_bytes(random()?)))
}

/// Bytes from the system's random source.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())
            .map_err(|error| Error::new(Kind::Io, format!("the system gives no random bytes: {error}")))?;
    }
    Ok(bytes)
}
