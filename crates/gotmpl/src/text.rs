//! A Go string: bytes that are nearly always, but not by promise, UTF-8; cheap to clone.

use std::{borrow::Cow, cmp::Ordering, fmt, ops::Deref, rc::Rc};

/// A Go string, shared on clone.
///
/// Go strings may hold any bytes (`trunc` cuts characters in two, `b64dec` decodes keystores), so
/// text that is not UTF-8 is kept as it is and compares bytewise with the rest.
#[derive(Clone)]
pub struct Str(Repr);

#[derive(Clone)]
enum Repr {
    Utf8(Rc<str>),
    /// Never valid UTF-8.
    Raw(Rc<[u8]>),
}

impl Str {
    /// Takes bytes as they are.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(error) => Self(Repr::Raw(error.into_bytes().into())),
        }
    }

    /// The bytes, as Go's `[]byte(s)`.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Utf8(text) => text.as_bytes(),
            Repr::Raw(bytes) => bytes,
        }
    }

    /// The text, or nothing when it is not UTF-8.
    pub fn as_utf8(&self) -> Option<&str> {
        match &self.0 {
            Repr::Utf8(text) => Some(text),
            Repr::Raw(_) => None,
        }
    }

    /// The text with U+FFFD for every byte that is not UTF-8, as Go's `range` over a string sees it.
    pub fn to_text(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Utf8(text) => Cow::Borrowed(text),
            Repr::Raw(bytes) => Cow::Owned(go_lossy(bytes)),
        }
    }

    /// The shared text, without copying when it is UTF-8; otherwise as `to_text`.
    pub fn to_shared(&self) -> Rc<str> {
        match &self.0 {
            Repr::Utf8(text) => Rc::clone(text),
            Repr::Raw(bytes) => go_lossy(bytes).into(),
        }
    }

    /// The number of bytes, as Go's `len`.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes from `from` up to `to`, as Go's `s[from:to]`.
    ///
    /// # Panics
    /// When the range is not within the string.
    pub fn slice(&self, from: usize, to: usize) -> Self {
        match &self.0 {
            Repr::Utf8(text) => match text.get(from..to) {
                Some(part) => part.into(),
                None => Self::from_bytes(text.as_bytes()[from..to].to_vec()),
            },
            Repr::Raw(bytes) => Self::from_bytes(bytes[from..to].to_vec()),
        }
    }
}

/// Decodes like Go: one U+FFFD for each invalid byte (Rust's own conversion joins some of them).
pub(crate) fn go_lossy(mut bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    loop {
        match std::str::from_utf8(bytes) {
            Ok(rest) => {
                text.push_str(rest);
                return text;
            }
            Err(error) => {
                let (good, bad) = bytes.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(good).expect("checked up to here"));
                text.push('\u{FFFD}');
                bytes = &bad[1..];
            }
        }
    }
}

impl Default for Str {
    fn default() -> Self {
        "".into()
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self(Repr::Utf8(text.into()))
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Self(Repr::Utf8(text.into()))
    }
}

impl From<Rc<str>> for Str {
    fn from(text: Rc<str>) -> Self {
        Self(Repr::Utf8(text))
    }
}

impl Deref for Str {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Str {}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_text(), f)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_characters_keep_their_bytes() {
        let text = Str::from("aé");
        let cut = text.slice(0, 2);
        assert_eq!(cut.as_bytes(), b"a\xc3");
        assert_eq!(cut.to_text(), "a\u{FFFD}");
        assert_eq!(cut.as_utf8(), None);
    }

    #[test]
    fn each_invalid_byte_is_one_replacement() {
        assert_eq!(go_lossy(b"\xe2\x82x\xff"), "\u{FFFD}\u{FFFD}x\u{FFFD}");
    }
}
