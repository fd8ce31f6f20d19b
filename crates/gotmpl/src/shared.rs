//! The text of a template, kept once.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    ops::Deref,
    sync::{Arc, OnceLock},
};

/// Bytes that are shared, not copied: a file and the templates that are parsed from it hold the same.
#[derive(Clone, Default)]
pub struct Text(Arc<Content>);

#[derive(Default)]
struct Content {
    bytes: OnceLock<Vec<u8>>,
    late: Option<Late>,
}

/// How bytes are got that nobody has asked for.
struct Late {
    n_bytes: usize,
    read: Box<dyn Fn() -> Vec<u8> + Send + Sync>,
}

impl Text {
    /// So many bytes, which are got when somebody asks for them.
    pub fn late(n_bytes: usize, read: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Self {
        let late = Some(Late { n_bytes, read: Box::new(read) });
        Self(Arc::new(Content { bytes: OnceLock::new(), late }))
    }

    /// Whether the bytes are there.
    pub fn is_here(&self) -> bool {
        self.0.late.is_none() || self.0.bytes.get().is_some()
    }

    /// How many bytes they are, without asking for them.
    pub fn n_bytes(&self) -> usize {
        match &self.0.late {
            Some(late) if !self.is_here() => late.n_bytes,
            _ => self.len(),
        }
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let read = || self.0.late.as_ref().map(|late| (late.read)());
        self.0.bytes.get_or_init(|| read().unwrap_or_default())
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(other)
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Content { bytes: bytes.into(), late: None }))
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(self), f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn late_bytes_are_got_once_and_only_when_they_are_asked_for() {
        static N_READS: AtomicUsize = AtomicUsize::new(0);
        let text = Text::late(3, || {
            N_READS.fetch_add(1, Ordering::Relaxed);
            b"late".to_vec()
        });
        let same = text.clone();
        assert!(!text.is_here());
        assert_eq!((text.n_bytes(), N_READS.load(Ordering::Relaxed)), (3, 0));
        assert_eq!((&*text, &*same), (&b"late"[..], &b"late"[..]));
        assert!(same.is_here());
        assert_eq!((same.n_bytes(), N_READS.load(Ordering::Relaxed)), (4, 1));
        assert!(Text::from("here").is_here());
        assert_eq!(&*Text::default(), b"");
    }
}
