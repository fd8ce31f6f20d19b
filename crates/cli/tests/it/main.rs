//! The program from outside: a temporary home, no terminal, no network.
#![expect(
    clippy::disallowed_methods,
    reason = "tests of the program start it and read what it writes"
)]

mod chart;
mod chart_failures;
mod chart_flags;
mod chart_repo;
mod chart_sign;
mod help;

use std::{fs, path::Path};

use snapbox::cmd::Command;
use tempfile::TempDir;

/// A folder to work in, with nothing else known to the program.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self { dir: tempfile::tempdir().expect("a temporary folder") };
        files.iter().for_each(|(path, text)| place.write(path, text));
        place
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).expect("a file that was written")
    }

    /// `zarpa` with arguments that blanks separate.
    fn zarpa(&self, args: &str) -> Command {
        Command::new(snapbox::cmd::cargo_bin!("zarpa"))
            .args(args.split(' '))
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path().join("home"))
    }
}
