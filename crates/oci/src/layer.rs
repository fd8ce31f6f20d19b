//! Layers as reproducible tar archives: the same entries give the same bytes.

use std::io::{self, Write};

const BLOCK_BYTES: usize = 512;
const NAME_BYTES_MAX: usize = 100;
const SIZE_OCTAL_MAX: u64 = 0o77_777_777_777;

/// One file, directory or link of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path within the image, without a leading or trailing slash: `etc/passwd`.
    pub path: String,
    /// Permission bits, `0o755`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// What it is.
    pub node: Node,
}

/// What an [`Entry`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A file with its content.
    File(Vec<u8>),
    /// A directory.
    Directory,
    /// A symbolic link to this target.
    Symlink(String),
}

impl Entry {
    /// Returns a file that belongs to root.
    pub fn file(path: &str, mode: u32, content: Vec<u8>) -> Self {
        Self { path: path.to_owned(), mode, uid: 0, gid: 0, node: Node::File(content) }
    }

    /// Returns a directory with mode 0755 that belongs to root.
    pub fn directory(path: &str) -> Self {
        Self { path: path.to_owned(), mode: 0o755, uid: 0, gid: 0, node: Node::Directory }
    }
}

/// Returns the entries in the order in which a layer holds them, with every missing parent directory.
///
/// Sorted by path; of two entries with one path the later wins.
pub fn arrange(entries: Vec<Entry>) -> Vec<Entry> {
    let mut by_path = std::collections::BTreeMap::new();
    for entry in &entries {
        let mut path = entry.path.as_str();
        while let Some((parent, _)) = path.rsplit_once('/') {
            by_path.insert(parent.to_owned(), Entry::directory(parent));
            path = parent;
        }
    }
    for entry in entries {
        by_path.insert(entry.path.clone(), entry);
    }
    by_path.into_values().collect()
}

/// Writes the entries as a tar archive, in the order given, all with the same time.
///
/// `mtime_s` is in seconds since the epoch. Headers are ustar; a path that does not fit gets a pax
/// header of its own. Fails only when `out` does.
/// Source: POSIX.1-2017, pax, "ustar Interchange Format".
pub fn write_tar(entries: &[Entry], mtime_s: u64, out: &mut impl Write) -> io::Result<()> {
    for entry in entries {
        let is_directory = entry.node == Node::Directory;
        let path = if is_directory { format!("{}/", entry.path) } else { entry.path.clone() };
        let link = if let Node::Symlink(target) = &entry.node { target.as_str() } else { "" };
        if NAME_BYTES_MAX < path.len() || NAME_BYTES_MAX < link.len() {
            write_pax(&path, link, mtime_s, out)?;
        }
        let (kind, content): (u8, &[u8]) = match &entry.node {
            Node::File(content) => (b'0', content),
            Node::Directory => (b'5', &[]),
            Node::Symlink(_) => (b'2', &[]),
        };
        let owner = (entry.uid, entry.gid);
        out.write_all(&header(&path, link, kind, entry.mode, owner, content.len(), mtime_s))?;
        write_padded(content, out)?;
    }
    out.write_all(&[0; 2 * BLOCK_BYTES])
}

/// A pax record carries its own length: `27 path=…\n`.
fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut n_bytes = rest.len() + 1;
    while n_bytes != rest.len() + n_bytes.to_string().len() {
        n_bytes = rest.len() + n_bytes.to_string().len();
    }
    format!("{n_bytes}{rest}")
}

fn write_pax(path: &str, link: &str, mtime_s: u64, out: &mut impl Write) -> io::Result<()> {
    let mut records = pax_record("path", path);
    if !link.is_empty() {
        records.push_str(&pax_record("linkpath", link));
    }
    out.write_all(&header("././@PaxHeader", "", b'x', 0o644, (0, 0), records.len(), mtime_s))?;
    write_padded(records.as_bytes(), out)
}

fn write_padded(content: &[u8], out: &mut impl Write) -> io::Result<()> {
    out.write_all(content)?;
    let rest = content.len() % BLOCK_BYTES;
    if rest == 0 { Ok(()) } else { out.write_all(&[0; BLOCK_BYTES][rest..]) }
}

#[expect(clippy::too_many_arguments, reason = "the fields of one ustar header, in its order")]
fn header(
    path: &str,
    link: &str,
    kind: u8,
    mode: u32,
    owner: (u32, u32),
    n_bytes: usize,
    mtime_s: u64,
) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    put(&mut block[0..100], path.as_bytes());
    put_octal(&mut block[100..108], u64::from(mode & 0o7777));
    put_octal(&mut block[108..116], u64::from(owner.0));
    put_octal(&mut block[116..124], u64::from(owner.1));
    put_octal(&mut block[124..136], (n_bytes as u64).min(SIZE_OCTAL_MAX));
    put_octal(&mut block[136..148], mtime_s.min(SIZE_OCTAL_MAX));
    block[156] = kind;
    put(&mut block[157..257], link.as_bytes());
    put(&mut block[257..265], b"ustar\x0000");
    // The checksum is computed as if its own field were blanks.
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|it| u64::from(*it)).sum();
    put(&mut block[148..156], format!("{sum:06o}\0 ").as_bytes());
    block
}

fn put(field: &mut [u8], bytes: &[u8]) {
    let n_bytes = bytes.len().min(field.len());
    field[..n_bytes].copy_from_slice(&bytes[..n_bytes]);
}

fn put_octal(field: &mut [u8], value: u64) {
    let width = field.len() - 1;
    put(field, format!("{value:0width$o}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar(entries: &[Entry]) -> Vec<u8> {
        let mut out = Vec::new();
        write_tar(entries, 7, &mut out).unwrap();
        out
    }

    #[test]
    fn missing_parents_are_added_and_paths_sorted() {
        let entries =
            arrange(vec![Entry::file("usr/bin/b", 0o755, vec![]), Entry::file("a", 0o644, vec![])]);
        let paths: Vec<&str> = entries.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, ["a", "usr", "usr/bin", "usr/bin/b"]);
    }

    #[test]
    fn same_entries_give_the_same_bytes_whatever_their_order() {
        let a = Entry::file("a", 0o644, b"one".to_vec());
        let b = Entry::file("b/c", 0o755, b"two".to_vec());
        let there = tar(&arrange(vec![a.clone(), b.clone()]));
        let back = tar(&arrange(vec![b, a]));
        assert_eq!(there, back);
        assert_eq!(there.len() % BLOCK_BYTES, 0);
    }

    #[test]
    fn a_header_is_what_tar_writes() {
        let archive = tar(&[Entry::file("a", 0o644, b"x".to_vec())]);
        assert_eq!(&archive[100..108], b"0000644\0");
        assert_eq!(&archive[124..136], b"00000000001\0");
        assert_eq!(&archive[257..263], b"ustar\0");
        assert_eq!(&archive[512..513], b"x");
    }

    #[test]
    fn a_long_path_gets_a_pax_record_with_its_own_length() {
        assert_eq!(pax_record("path", "abc"), "12 path=abc\n");
        assert_eq!(pax_record("path", &"x".repeat(90)).len(), 99);
        assert_eq!(pax_record("path", &"x".repeat(91)).len(), 101);
        let archive = tar(&[Entry::file(&"d".repeat(120), 0o644, vec![])]);
        assert_eq!(archive[156], b'x');
        assert!(archive[512..].starts_with(b"130 path=ddd"));
    }
}
