//! Byte strings one after another, each behind its length: the form of what is kept to be fast.

/// Appends a number: seven bits a byte, the lowest first, and the highest bit where more follow.
pub(crate) fn put_number(to: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        let [low, ..] = number.to_le_bytes();
        to.push(low | 0x80);
        number >>= 7;
    }
    let [low, ..] = number.to_le_bytes();
    to.push(low);
}

/// Appends a byte string.
pub(crate) fn put(to: &mut Vec<u8>, bytes: impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    put_number(to, bytes.len());
    to.extend_from_slice(bytes);
}

/// Appends a list of byte strings.
pub(crate) fn put_list<T: AsRef<[u8]>>(to: &mut Vec<u8>, items: &[T]) {
    put_number(to, items.len());
    for item in items {
        put(to, item);
    }
}

/// Takes the number at the beginning off; `None` where there is none.
pub(crate) fn take_number(from: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        let bits = usize::from(byte & 0x7f);
        let shifted = bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits)?;
        number |= shifted;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes the byte string at the beginning off.
pub(crate) fn take<'b>(from: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = take_number(from)?;
    let (taken, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(taken)
}

/// Takes the text at the beginning off.
pub(crate) fn take_text<'b>(from: &mut &'b [u8]) -> Option<&'b str> {
    std::str::from_utf8(take(from)?).ok()
}

/// Takes the list of texts at the beginning off.
pub(crate) fn take_list<'b>(from: &mut &'b [u8]) -> Option<Vec<&'b str>> {
    let count = take_number(from)?;
    // Each has a byte at least, so that a wrong number does not fill the memory.
    (count <= from.len()).then(|| (0..count).map(|_| take_text(from)).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(number: usize, text: String, list: Vec<String>, more: Vec<u8>) {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            put(&mut bytes, &text);
            put_list(&mut bytes, &list);
            bytes.extend(&more);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(take_number(&mut rest), Some(number));
            prop_assert_eq!(take_text(&mut rest), Some(text.as_str()));
            prop_assert_eq!(take_list(&mut rest).unwrap(), list);
            prop_assert_eq!(rest, more);
        }

        #[test]
        fn anything(bytes: Vec<u8>) {
            let _ = (take(&mut bytes.as_slice()), take_list(&mut bytes.as_slice()), take_number(&mut bytes.as_slice()));
        }
    }
}
