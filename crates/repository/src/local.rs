//! Charts in folders.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use chart::{Chart, ChartFile, LoadError, Text};
use host::{
    files::{self, FileError},
    tree::{self, Content},
};

#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("could not read a chart")]
    Read(#[source] FileError),
    #[error("could not load the chart `{}`", path.display())]
    Load { path: PathBuf, source: LoadError },
}

/// The files of a chart's folder, `.helmignore` not yet applied.
pub fn read_folder(path: &Path) -> Result<Vec<ChartFile>, FileError> {
    let tree = tree::read(path, &|it| it == ".git")?;
    Ok(tree.into_iter().map(|it| ChartFile { path: it.path, data: it.content.into() }).collect())
}

/// Files that were not read when somebody asked for them.
#[derive(Clone, Debug, Default)]
pub struct Unread(Arc<Mutex<Option<FileError>>>);

impl Unread {
    /// The first that could not be read, if there was one: what came of its chart is not to be used.
    pub fn check(&self) -> Result<(), FileError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    fn text(&self, place: PathBuf, n_bytes: usize) -> Text {
        let unread = self.clone();
        Text::late(n_bytes, move || {
            files::read(&place).map(without_bom).unwrap_or_else(|error| {
                let mut first = unread.0.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(error);
                Vec::new()
            })
        })
    }
}

/// As it is for the files that are read at once.
fn without_bom(mut content: Vec<u8>) -> Vec<u8> {
    if content.starts_with(b"\xef\xbb\xbf") {
        content.drain(..3);
    }
    content
}

/// As [`read_folder`], but what a chart only has for its templates to look at, and for people, is read when it is
/// asked for. [`Unread::check`] says afterwards whether that went well.
pub fn open_folder(path: &Path, unread: &Unread) -> Result<Vec<ChartFile>, FileError> {
    let tree = tree::read_partly(path, &|it| it == ".git", &|it| !chart::is_always_read(it))?;
    let file = |(path, content)| match content {
        Content::Read(content) => ChartFile { path, data: content.into() },
        Content::Unread { place, n_bytes } => ChartFile { path, data: unread.text(place, n_bytes) },
    };
    Ok(tree.into_iter().map(file).collect())
}

/// Reads the chart of a folder.
pub fn load_folder(path: &Path) -> Result<Chart, LocalError> {
    let files = read_folder(path).map_err(LocalError::Read)?;
    Chart::load(files).map_err(|source| LocalError::Load { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use chart::{Capabilities, Release, Source, TextOptions, ValueSources, render};
    use host::files::{remove, write_atomic};

    use super::*;

    /// A chart whose template shows one file and not the other.
    fn chart() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let template = "text: {{ .Files.Get \"shown.txt\" }}";
        for (path, content) in [
            ("Chart.yaml", "name: c\nversion: 1.0.0\napiVersion: v2\n"),
            ("templates/a.yaml", template),
            ("shown.txt", "\u{feff}shown"),
            ("other.txt", "other"),
        ] {
            write_atomic(&dir.path().join(path), content.as_bytes()).unwrap();
        }
        dir
    }

    /// The clock and the randomness of a test.
    struct World;

    impl Source for World {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }

        fn fill_random(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    fn rendered(chart: &Chart) -> String {
        let release = Release::install("rel", "default");
        let values = ValueSources::default().merge(&|_| unreachable!()).unwrap();
        let rendered = render(chart, &values, &release, &Capabilities::default(), &World).unwrap();
        rendered.template_text(TextOptions::default())
    }

    #[test]
    fn only_files_that_a_template_asks_for_are_read() {
        let dir = chart();
        let unread = Unread::default();
        let chart = Chart::load(open_folder(dir.path(), &unread).unwrap()).unwrap();
        let is_here = |chart: &Chart, path: &str| {
            chart.files.iter().find(|it| it.path == path).unwrap().data.is_here()
        };
        assert!(!is_here(&chart, "shown.txt"));
        assert!(rendered(&chart).contains("text: shown\n"));
        assert!(is_here(&chart, "shown.txt"));
        assert!(!is_here(&chart, "other.txt"));
        unread.check().unwrap();
    }

    #[test]
    fn a_file_that_is_gone_when_it_is_asked_for_is_an_error() {
        let dir = chart();
        let unread = Unread::default();
        let chart = Chart::load(open_folder(dir.path(), &unread).unwrap()).unwrap();
        remove(&dir.path().join("shown.txt")).unwrap();
        rendered(&chart);
        assert!(unread.check().unwrap_err().to_string().contains("shown.txt"));
    }
}
