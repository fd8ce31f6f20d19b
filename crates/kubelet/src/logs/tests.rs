//! Cases for reading and following logs.

use std::{collections::BTreeMap, io::Write as _};

use super::*;

fn view(attempt: u32, is_running: bool, has_started: bool, waiting: Option<&str>) -> RunView {
    RunView { attempt, is_running, has_started, waiting: waiting.map(str::to_owned) }
}

#[test]
fn the_run_that_is_meant_follows_the_containers_state() {
    let running = view(2, true, true, None);
    assert_eq!((attempt(&running, false), attempt(&running, true)), (Some(2), Some(1)));
    let looping = view(2, false, true, Some("CrashLoopBackOff"));
    assert_eq!((attempt(&looping, false), attempt(&looping, true)), (Some(2), Some(2)));
    let creating = view(0, false, false, Some("ContainerCreating"));
    assert_eq!((attempt(&creating, false), attempt(&creating, true)), (None, None));
    let first = view(0, true, true, None);
    assert_eq!(attempt(&first, true), None);
}

fn snapshot(is_running: bool) -> Snapshot {
    let runs = BTreeMap::from([("web".to_owned(), view(0, is_running, true, None))]);
    Snapshot { runs, ..Snapshot::default() }
}

fn request(follow: bool) -> LogRequest {
    LogRequest { container: "web".to_owned(), follow, ..LogRequest::default() }
}

fn line(text: &str) -> String {
    format!("2026-01-01T00:00:01.000000001Z stdout F {text}\n")
}

#[expect(clippy::disallowed_methods, reason = "the test writes the log that is read")]
fn append(path: &Path, text: &str) {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.create(true).append(true).open(path).unwrap();
    file.write_all(line(text).as_bytes()).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the test rotates the log that is read")]
fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap();
}

async fn next(stream: &mut BoxStream<'static, io::Result<Bytes>>) -> Option<String> {
    let bytes = stream.next().await?.unwrap();
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn rotated_files_are_read_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0.log");
    append(&dir.path().join("0.log.1"), "old");
    append(&path, "new");
    let (_tx, rx) = watch::channel(snapshot(true));
    let mut stream = read(&request(false), path, 0, rx);
    let mut all = String::new();
    while let Some(text) = next(&mut stream).await {
        all.push_str(&text);
    }
    assert_eq!(all, "old\nnew\n");
}

#[tokio::test]
async fn following_goes_on_through_rotation_to_the_end_of_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0.log");
    append(&path, "one");
    let (tx, rx) = watch::channel(snapshot(true));
    let mut stream = read(&request(true), path.clone(), 0, rx);
    assert_eq!(next(&mut stream).await.as_deref(), Some("one\n"));
    append(&path, "two");
    assert_eq!(next(&mut stream).await.as_deref(), Some("two\n"));
    rename(&path, &dir.path().join("0.log.1"));
    append(&path, "three");
    assert_eq!(next(&mut stream).await.as_deref(), Some("three\n"));
    tx.send_replace(snapshot(false));
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn a_missing_log_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let (_tx, rx) = watch::channel(snapshot(true));
    let mut stream = read(&request(false), dir.path().join("0.log"), 0, rx);
    assert_eq!(next(&mut stream).await, None);
}
