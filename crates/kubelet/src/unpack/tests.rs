//! Cases for unpacking layers. What only root may do is tried where root runs the tests.

use std::io::Write as _;

use tar::{Builder, Header};

use super::*;

enum What<'a> {
    File(&'a str),
    Folder,
    Symlink(&'a str),
    Hardlink(&'a str),
}

/// Writes an archive with the names as they are, even those that tar would refuse to write.
fn archive(entries: &[(&str, What<'_>)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (path, what) in entries {
        let mut header = Header::new_gnu();
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        header.set_uid(u64::from(uid));
        header.set_gid(u64::from(gid));
        header.set_mode(0o755);
        header.set_mtime(7);
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        let mut content = "";
        match what {
            What::File(text) => content = text,
            What::Folder => header.set_entry_type(EntryType::Directory),
            What::Symlink(to) => {
                header.set_entry_type(EntryType::Symlink);
                header.as_gnu_mut().unwrap().linkname[..to.len()].copy_from_slice(to.as_bytes());
            }
            What::Hardlink(to) => {
                header.set_entry_type(EntryType::Link);
                header.as_gnu_mut().unwrap().linkname[..to.len()].copy_from_slice(to.as_bytes());
            }
        }
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Unpacks `blob`, whose archive has the digest `diff_id`; returns the folders.
#[expect(clippy::disallowed_methods, reason = "the test writes the blob that is unpacked")]
fn unpacked(blob: &[u8], diff_id: &Digest) -> (tempfile::TempDir, Result<PathBuf, UnpackError>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blob");
    std::fs::write(&path, blob).unwrap();
    let target = dir.path().join("layers/x");
    std::fs::create_dir(dir.path().join("layers")).unwrap();
    let result = layer(&path, diff_id, &target).map(|()| target);
    (dir, result)
}

fn unpack_entries(
    entries: &[(&str, What<'_>)],
) -> (tempfile::TempDir, Result<PathBuf, UnpackError>) {
    let archive = archive(entries);
    unpacked(&archive, &Digest::of(&archive))
}

#[expect(clippy::disallowed_methods, reason = "the test reads what was unpacked")]
fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the test looks at what was unpacked")]
fn metadata(path: &Path) -> std::fs::Metadata {
    std::fs::symlink_metadata(path).unwrap()
}

#[test]
fn every_compression_gives_the_same_files() {
    let archive = archive(&[("bin/", What::Folder), ("bin/a", What::File("text"))]);
    let diff_id = Digest::of(&archive);
    let zstd = zstd::encode_all(&archive[..], 1).unwrap();
    for blob in [archive.clone(), gzip(&archive), zstd] {
        let (_dir, target) = unpacked(&blob, &diff_id);
        let target = target.unwrap();
        assert_eq!(text(&target.join("bin/a")), "text");
        assert_eq!(metadata(&target.join("bin")).modified().unwrap(), at(7));
    }
}

fn at(second: u64) -> std::time::SystemTime {
    std::time::UNIX_EPOCH + std::time::Duration::from_secs(second)
}

#[test]
fn another_digest_leaves_nothing() {
    let archive = archive(&[("a", What::File("text"))]);
    let (dir, result) = unpacked(&archive, &Digest::of(b"other"));
    assert!(matches!(result, Err(UnpackError::Mismatch { .. })));
    assert!(crate::disk::folders(&dir.path().join("layers")).is_empty());
}

#[test]
fn links_lead_inside_the_layer() {
    let (dir, target) = unpack_entries(&[
        ("lib", What::Symlink("/usr/lib")),
        ("usr/lib/", What::Folder),
        ("lib/a", What::File("inside")),
        ("b", What::Hardlink("lib/a")),
        ("up", What::Symlink("../../..")),
        ("up/escaped", What::File("caught")),
    ]);
    let target = target.unwrap();
    assert_eq!(text(&target.join("usr/lib/a")), "inside");
    assert_eq!(text(&target.join("b")), "inside");
    assert_eq!(text(&target.join("escaped")), "caught");
    assert!(crate::disk::text(&dir.path().join("escaped")).is_empty());
}

#[test]
fn names_that_leave_are_refused() {
    let (_dir, result) = unpack_entries(&[("../x", What::File("evil"))]);
    assert!(matches!(result, Err(UnpackError::Leaves(_))));
    let (_dir, result) = unpack_entries(&[("x", What::Hardlink("../../blob"))]);
    assert!(result.is_err());
    let (_dir, target) = unpack_entries(&[("/x", What::File("inside"))]);
    assert_eq!(text(&target.unwrap().join("x")), "inside");
}

#[test]
fn later_entries_replace_earlier_ones() {
    let (_dir, target) = unpack_entries(&[
        ("a", What::Symlink("/etc/passwd")),
        ("a", What::File("file")),
        ("b/", What::Folder),
        ("b/c", What::File("gone")),
        ("b", What::File("file")),
    ]);
    let target = target.unwrap();
    assert_eq!(text(&target.join("a")), "file");
    assert_eq!(text(&target.join("b")), "file");
}

#[test]
fn whiteouts_become_what_overlayfs_expects() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let (_dir, target) = unpack_entries(&[
        ("a/", What::Folder),
        ("a/.wh.gone", What::File("")),
        ("b/", What::Folder),
        ("b/.wh..wh..opq", What::File("")),
    ]);
    let target = target.unwrap();
    let gone = fs::lstat(target.join("a/gone")).unwrap();
    assert_eq!(FileType::from_raw_mode(gone.st_mode), FileType::CharacterDevice);
    assert_eq!(gone.st_rdev, 0);
    let mut value = [0; 8];
    match fs::getxattr(target.join("b"), OPAQUE_XATTR, &mut value) {
        Ok(n_bytes) => assert_eq!(&value[..n_bytes], b"y"),
        Err(error) => panic!("the folder is not opaque: {error}"),
    }
}
