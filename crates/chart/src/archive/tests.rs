//! Archives that are no charts, or mean harm.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use super::*;

/// An entry with its name as it is: the builder of the tar crate would refuse some of these.
fn entry(name: &str, kind: tar::EntryType, size: u64, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    entry(name, tar::EntryType::Regular, content.len() as u64, content)
}

fn packed(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for entry in entries {
        encoder.write_all(entry).unwrap();
    }
    encoder.write_all(&[0; 1024]).unwrap();
    encoder.finish().unwrap()
}

fn check(entries: &[Vec<u8>], expect: &str) {
    match unpack(&packed(entries)) {
        Ok(files) => panic!("{expect}: {files:?}"),
        Err(error) => assert_eq!(error.to_string(), expect),
    }
}

#[test]
fn files_come_without_their_folder() {
    let files = unpack(&packed(&[file("c/a", b"1"), file("c/b/./c", b"2")])).unwrap();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["a", "b/c"]);
}

#[test]
fn what_leads_out_of_the_chart_is_refused() {
    let parent = "chart illegally references parent directory";
    check(&[file("c/../../etc/passwd", b"x")], parent);
    check(&[file("c/a/../../../x", b"x")], parent);
    check(&[file("c\\..\\..\\x", b"x")], parent);
    check(&[file("c//etc/passwd", b"x")], "chart illegally contains absolute paths");
    check(&[file("c/C:/x", b"x")], "chart contains illegally named files");
    let outside = "chart illegally contains content outside the base directory: \"x\"";
    check(&[file("x", b"x")], outside);
}

#[test]
fn links_are_refused() {
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link] {
        check(&[entry("c/x", kind, 0, b"")], "chart illegally contains a link: \"c/x\"");
    }
}

#[test]
fn bombs_are_refused() {
    let large = "is larger than the maximum file size 5242880";
    check(
        &[file("c/x", &vec![0; (FILE_BYTES_MAX + 1) as usize])],
        &format!("decompressed chart file \"c/x\" {large}"),
    );
    // What an entry says of its size is believed before anything is read.
    check(
        &[entry("c/x", tar::EntryType::Regular, 1 << 40, b"")],
        "decompressed chart is larger than the maximum size 104857600",
    );
}

#[test]
fn what_is_no_archive_says_so() {
    assert_eq!(unpack(b"Chart").unwrap_err().to_string(), "not a gzipped archive");
    check(&[], "no files in chart archive");
    let whole = packed(&[file("c/x", &[7; 4_000])]);
    assert!(unpack(&whole[..whole.len() / 2]).is_err());
}
