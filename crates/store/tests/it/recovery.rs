//! Opening again: after a clean end, after a kill at any byte, after damage, and over snapshots.

use std::{
    fs,
    path::{Path, PathBuf},
};

use store::{Limits, OpenError, Store};
use tempfile::TempDir;

use super::{contents, object};

#[tokio::test]
async fn what_was_acknowledged_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let before = written(dir.path(), 5).await;
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(contents(&store), before);
    assert_eq!(store.revision(), 6);
    let mut watch = store.watch("/", 4).unwrap();
    let revisions: Vec<u64> =
        watch.next(10).await.unwrap().iter().map(|event| event.revision).collect();
    assert_eq!(revisions, [5, 6], "the history is recovered too");
}

#[tokio::test]
async fn a_log_cut_at_any_byte_of_its_last_record_loses_only_that_record() {
    let dir = tempfile::tempdir().unwrap();
    let before = written(dir.path(), 3).await;
    let whole_before = content(dir.path());
    let after = {
        let store = Store::open(dir.path()).unwrap();
        store.create("/last", object("last")).await.unwrap();
        contents(&store)
    };
    let whole_after = content(dir.path());
    for bytes in whole_before.len()..=whole_after.len() {
        let copy = copy_with(dir.path(), &whole_after[..bytes]);
        let store = Store::open(copy.path()).unwrap();
        let expect = if bytes == whole_after.len() { &after } else { &before };
        assert_eq!(&contents(&store), expect, "cut at {bytes}");
        store.create("/next", object("next")).await.unwrap();
        let expect = contents(&store);
        drop(store);
        assert_eq!(contents(&Store::open(copy.path()).unwrap()), expect, "cut at {bytes}");
    }
}

#[tokio::test]
async fn rubbish_at_the_end_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let before = written(dir.path(), 2).await;
    let mut bytes = content(dir.path());
    let n_bytes = bytes.len();
    bytes.extend_from_slice(&[0; 10]);
    bytes.extend_from_slice(&[7; 100]);
    let copy = copy_with(dir.path(), &bytes);
    assert_eq!(contents(&Store::open(copy.path()).unwrap()), before);
    assert_eq!(fs::read(log(copy.path())).unwrap().len(), n_bytes);
}

#[tokio::test]
async fn damage_in_the_middle_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), 1).await;
    let start = content(dir.path()).len();
    let end = {
        let store = Store::open(dir.path()).unwrap();
        store.create("/middle", object("middle")).await.unwrap();
        drop(store);
        content(dir.path()).len()
    };
    Store::open(dir.path()).unwrap().create("/last", object("last")).await.unwrap();
    let whole = content(dir.path());
    for byte in start..end {
        let mut bytes = whole.clone();
        bytes[byte] ^= 0x10;
        let copy = copy_with(dir.path(), &bytes);
        match Store::open(copy.path()).unwrap_err() {
            OpenError::Corrupt { path, offset, .. } => {
                assert_eq!((path, offset), (log(copy.path()), start as u64), "byte {byte}");
            }
            error => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_long_log_becomes_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { log_bytes_max: 2000, ..Limits::STANDARD };
    let before = {
        let store = Store::open_with(dir.path(), limits).unwrap();
        store.create("/x", object("0")).await.unwrap();
        for n in 2..200 {
            store.update("/x", object(&n.to_string()), n).await.unwrap();
        }
        contents(&store)
    };
    assert!(content(dir.path()).len() < 3000, "the log started afresh");
    assert_eq!(files(dir.path()).len(), 2, "one snapshot and one log: {:?}", files(dir.path()));
    assert_eq!(contents(&Store::open(dir.path()).unwrap()), before);
}

#[tokio::test]
async fn a_damaged_snapshot_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { log_bytes_max: 0, ..Limits::STANDARD };
    {
        let store = Store::open_with(dir.path(), limits).unwrap();
        for n in 0..20 {
            store.create(&format!("/{n}"), object("x")).await.unwrap();
        }
    }
    let snapshot = files(dir.path()).into_iter().find(|it| is_named(it, "snapshot-")).unwrap();
    let whole = fs::read(&snapshot).unwrap();
    for bytes in (0..whole.len()).step_by(7) {
        fs::write(&snapshot, &whole[..bytes]).unwrap();
        let error = Store::open(dir.path()).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { .. }), "cut at {bytes}: {error}");
    }
    fs::write(&snapshot, &whole).unwrap();
    fs::write(dir.path().join("snapshot-00ff.tmp"), "unfinished").unwrap();
    assert_eq!(contents(&Store::open(dir.path()).unwrap()).len(), 20);
}

#[tokio::test]
async fn a_missing_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { log_bytes_max: 0, ..Limits::STANDARD };
    Store::open_with(dir.path(), limits).unwrap().create("/x", object("x")).await.unwrap();
    fs::remove_file(log(dir.path())).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(OpenError::LogMissing { .. })));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_log_makes_it_panic(
        bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..400),
        keep in 0..400usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        runtime.block_on(written(dir.path(), 3));
        let mut log_bytes = content(dir.path());
        log_bytes.truncate(keep);
        log_bytes.extend_from_slice(&bytes);
        let copy = copy_with(dir.path(), &log_bytes);
        let _refused_or_not = Store::open(copy.path());
    }
}

#[test]
fn a_folder_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Store::open(dir.path()).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(OpenError::InUse { .. })));
}

/// Writes some objects, closes the store and tells what it held.
async fn written(dir: &Path, n_writes: usize) -> Vec<(String, String, u64, u64)> {
    let store = Store::open(dir).unwrap();
    for n in 0..n_writes {
        store.create(&format!("/{n}"), object(&n.to_string())).await.unwrap();
    }
    contents(&store)
}

/// A folder with the same log, but other content.
fn copy_with(dir: &Path, bytes: &[u8]) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::write(copy.path().join(log(dir).file_name().unwrap()), bytes).unwrap();
    copy
}

/// The log without the zeros that are written ahead.
fn content(dir: &Path) -> Vec<u8> {
    let mut bytes = fs::read(log(dir)).unwrap();
    bytes.truncate(bytes.iter().rposition(|it| *it != 0).map_or(0, |last| last + 1));
    bytes
}

fn log(dir: &Path) -> PathBuf {
    files(dir).into_iter().find(|path| is_named(path, "log-")).unwrap()
}

/// The store's files without its lock.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|it| it.unwrap().path()).collect();
    files.retain(|path| !is_named(path, "lock"));
    files.sort();
    files
}

fn is_named(path: &Path, prefix: &str) -> bool {
    path.file_name().unwrap().to_str().unwrap().starts_with(prefix)
}
