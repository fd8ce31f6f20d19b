//! helm's cache of what repositories offer: an index and a list of names for each repository.

use std::path::PathBuf;

use chart::RepositoryIndex;
use host::files::{self, FileError};

/// The folder that `$HELM_REPOSITORY_CACHE` names.
#[derive(Debug, Clone)]
pub struct IndexCache {
    pub dir: PathBuf,
}

impl IndexCache {
    /// Where the index of a repository lies.
    pub fn index_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}-index.yaml"))
    }

    /// Where the names of its charts lie, which shells complete from.
    fn names_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}-charts.txt"))
    }

    /// Reads the index of a repository as it came; nothing when none was kept.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        match files::read(&self.index_path(name)) {
            Err(error) if error.is_not_found() => Ok(None),
            read => read.map(Some),
        }
    }

    /// Keeps an index as it came, and the names in it.
    pub fn write(&self, name: &str, text: &[u8], index: &RepositoryIndex) -> Result<(), FileError> {
        let names: String = index.names().map(|it| format!("{it}\n")).collect();
        files::write_atomic(&self.names_path(name), names.as_bytes())?;
        files::write_atomic(&self.index_path(name), text)
    }

    /// Forgets a repository; one that is not there is forgotten already.
    pub fn remove(&self, name: &str) -> Result<(), FileError> {
        for path in [self.names_path(name), self.index_path(name)] {
            match files::remove(&path) {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_kept_as_it_came_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let cache = IndexCache { dir: dir.path().join("cache") };
        let text = b"apiVersion: v1\nentries: {web: [], a: []}\n";
        let index = RepositoryIndex::parse(text).unwrap();
        assert_eq!(cache.read("ours").unwrap(), None);
        cache.write("ours", text, &index).unwrap();
        assert_eq!(cache.read("ours").unwrap().as_deref(), Some(&text[..]));
        assert_eq!(files::read_text(&cache.dir.join("ours-charts.txt")).unwrap(), "a\nweb\n");
        cache.remove("ours").unwrap();
        cache.remove("ours").unwrap();
        assert_eq!(files::list(&cache.dir).unwrap(), []);
    }
}
