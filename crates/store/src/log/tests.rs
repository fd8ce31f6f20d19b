//! The log on a disk that fills up or fails.

use std::sync::Mutex;

use super::*;

/// A disk in memory with a capacity, which can also fail to synchronise.
#[derive(Debug, Default)]
struct Disk {
    bytes: Vec<u8>,
    capacity: usize,
    fails_to_sync: bool,
}

#[derive(Clone, Debug)]
struct Fake(Arc<Mutex<Disk>>);

impl Medium for Fake {
    fn write(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        let at = usize::try_from(at).unwrap();
        let room = disk.capacity.saturating_sub(at).min(bytes.len());
        let end = (at + room).max(disk.bytes.len());
        disk.bytes.resize(end, 0xaa);
        disk.bytes[at..at + room].copy_from_slice(&bytes[..room]);
        if room < bytes.len() { Err(Errno::NOSPC.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.0.lock().unwrap().fails_to_sync { Err(Errno::IO.into()) } else { Ok(()) }
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.0.lock().unwrap().bytes.truncate(usize::try_from(bytes).unwrap());
        Ok(())
    }
}

fn log(capacity: usize) -> (Log, Fake) {
    let fake = Fake(Arc::new(Mutex::new(Disk { capacity, ..Disk::default() })));
    let open = Open {
        path: "log".into(),
        medium: Box::new(fake.clone()),
        good_bytes: 0,
        reserved_bytes: 0,
    };
    let lock = Arc::new(tempfile::tempfile().unwrap());
    (Log::new(Path::new("."), Limits::STANDARD, open, lock), fake)
}

#[test]
fn a_full_disk_keeps_nothing_of_the_write_and_recovers() {
    let (mut log, fake) = log(100);
    log.append(|out| out.extend_from_slice(&[1; 50])).unwrap();
    let before = fake.0.lock().unwrap().bytes.clone();

    let error = log.append(|out| out.extend_from_slice(&[2; 50])).unwrap_err();
    assert!(matches!(error, WriteError::DiskFull { .. }), "{error}");
    assert_eq!(fake.0.lock().unwrap().bytes, before);

    fake.0.lock().unwrap().capacity = 1000;
    log.append(|out| out.extend_from_slice(&[3; 50])).unwrap();
}

#[test]
fn a_failed_synchronisation_refuses_every_later_write() {
    let (mut log, fake) = log(1000);
    fake.0.lock().unwrap().fails_to_sync = true;
    assert!(matches!(log.append(|out| out.push(1)), Err(WriteError::Append { .. })));
    fake.0.lock().unwrap().fails_to_sync = false;
    assert!(matches!(log.append(|out| out.push(1)), Err(WriteError::Append { .. })));
}

#[test]
fn zeros_are_written_ahead_when_there_is_room() {
    let (mut log, fake) = log(1 << 20);
    log.append(|out| out.extend_from_slice(&[1; 50])).unwrap();
    let frame = fake.0.lock().unwrap().bytes.clone();
    log.reserve();
    log.reserve();
    let bytes = fake.0.lock().unwrap().bytes.clone();
    assert_eq!(bytes.len(), frame.len() + RESERVED_BYTES, "once is enough");
    assert!(bytes.starts_with(&frame) && bytes[frame.len()..].iter().all(|it| *it == 0));
    log.append(|out| out.extend_from_slice(&[2; 50])).unwrap();
    assert_eq!(fake.0.lock().unwrap().bytes.len(), bytes.len(), "the frame replaces zeros");

    let (mut log, fake) = self::log(100);
    log.append(|out| out.extend_from_slice(&[1; 50])).unwrap();
    log.reserve();
    assert_eq!(fake.0.lock().unwrap().bytes, frame, "there was no room");
    assert!(log.append(|out| out.extend_from_slice(&[1; 10])).is_ok());
}
