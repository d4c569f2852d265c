//! Nonces: random texts that make a commit or a lock unlike any other.

use crate::error::{Error, Kind, Result};

/// A new nonce: 128 random bits in hexadecimal, so many that two nonces are never the same.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_nonce_is_like_another() {
        let [one, other] = [(); 2].map(|()| nonce().unwrap());
        assert_ne!(one, other);
        assert!(one.len() == 32 && one.bytes().all(|byte| byte.is_ascii_hexdigit()), "{one}");
    }
}
