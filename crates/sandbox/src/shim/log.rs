//! A container's log file, in the CRI log format, rotated by size.
//!
//! A line is `TIME STREAM TAG TEXT`; tag `P` says that the line goes on in the next of that stream.
//! Source: the kubelet's CRI logging proposal and containerd 2, `internal/cri/io/logger.go`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use crate::spec::{LOG_BYTES_MAX, LOG_FILES_MAX};

/// Longer lines are cut, as containerd does.
const LINE_BYTES_MAX: usize = 16 << 10;
const STREAMS: [&str; 2] = ["stdout", "stderr"];

/// The open file, and the unfinished line of each stream.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    n_bytes: u64,
    rest: [Vec<u8>; 2],
}

impl Log {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = append(path)?;
        let n_bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, n_bytes, rest: [Vec::new(), Vec::new()] })
    }

    /// Writes what a stream (0 output, 1 error) has printed; an unfinished line waits.
    pub(crate) fn write(&mut self, stream: usize, bytes: &[u8], now: Timestamp) -> io::Result<()> {
        let text = lines(STREAMS[stream], &mut self.rest[stream], bytes, now);
        self.put(&text)
    }

    /// Writes the unfinished lines; there is no more output.
    pub(crate) fn finish(&mut self, now: Timestamp) -> io::Result<()> {
        for (stream, rest) in STREAMS.into_iter().zip(std::mem::take(&mut self.rest)) {
            if !rest.is_empty() {
                let mut text = Vec::new();
                line(&mut text, stream, "P", &rest, now);
                self.put(&text)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, text: &[u8]) -> io::Result<()> {
        self.file.write_all(text)?;
        self.n_bytes += text.len() as u64;
        if self.n_bytes >= LOG_BYTES_MAX { self.rotate() } else { Ok(()) }
    }

    fn rotate(&mut self) -> io::Result<()> {
        let numbered = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..LOG_FILES_MAX - 1).rev() {
            match fs::rename(numbered(number), numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, numbered(1))?;
        self.file = append(&self.path)?;
        self.n_bytes = 0;
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Formats the lines that `bytes` ends or makes too long; the rest stays in `rest`.
fn lines(stream: &str, rest: &mut Vec<u8>, bytes: &[u8], now: Timestamp) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() + 64);
    for part in bytes.split_inclusive(|byte| *byte == b'\n') {
        rest.extend_from_slice(part);
        let is_whole = rest.last() == Some(&b'\n');
        if is_whole {
            rest.pop();
        }
        while rest.len() > LINE_BYTES_MAX {
            line(&mut text, stream, "P", &rest[..LINE_BYTES_MAX], now);
            rest.drain(..LINE_BYTES_MAX);
        }
        if is_whole {
            line(&mut text, stream, "F", rest, now);
            rest.clear();
        }
    }
    text
}

fn line(text: &mut Vec<u8>, stream: &str, tag: &str, line: &[u8], now: Timestamp) {
    text.extend_from_slice(format!("{now:.9} {stream} {tag} ").as_bytes());
    text.extend_from_slice(line);
    text.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parts: &[&str], expect: &str, expect_rest: &str) {
        let mut rest = Vec::new();
        let now: Timestamp = "2025-01-01T00:00:00Z".parse().unwrap();
        let text: Vec<u8> =
            parts.iter().flat_map(|it| lines("stdout", &mut rest, it.as_bytes(), now)).collect();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.replace("2025-01-01T00:00:00.000000000Z stdout ", "> "), expect);
        assert_eq!(String::from_utf8(rest).unwrap(), expect_rest);
    }

    #[test]
    fn lines_are_whole_however_they_arrive() {
        check(&["one\ntw", "o\n", "\n"], "> F one\n> F two\n> F \n", "");
        check(&["no end"], "", "no end");
    }

    #[test]
    fn long_lines_are_cut() {
        let long = "x".repeat(LINE_BYTES_MAX);
        check(&[&long, "y\n"], &format!("> P {long}\n> F y\n"), "");
        check(&[&long, "\n"], &format!("> F {long}\n"), "");
    }

    #[test]
    fn a_full_file_moves_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/0.log");
        let mut log = Log::open(&path).unwrap();
        let chunk = "x\n".repeat(1 << 17);
        let now = Timestamp::UNIX_EPOCH;
        for _ in 0..10 {
            log.write(0, chunk.as_bytes(), now).unwrap();
        }
        assert!(fs::metadata(&path).unwrap().len() < LOG_BYTES_MAX);
        assert!(fs::metadata(path.with_extension("log.1")).unwrap().len() >= LOG_BYTES_MAX);
        assert_eq!(fs::read_dir(dir.path().join("logs")).unwrap().count() as u32, LOG_FILES_MAX);
    }
}
