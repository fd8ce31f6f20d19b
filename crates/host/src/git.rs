//! What git knows of a project: read from its files where that is enough, asked of `git` where it is not.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// 40 hexadecimal digits.
    pub id: String,
    /// Seconds since the epoch.
    pub time_s: u64,
}

/// Finds the commit that is checked out at `dir`, without starting a program.
///
/// `None` outside a repository, or in one without a commit.
pub fn head(dir: &Path) -> Option<String> {
    let git_dir = find_git_dir(dir)?;
    let head = fs::read_to_string(git_dir.join("HEAD")).ok()?;
    let head = head.trim();
    let Some(name) = head.strip_prefix("ref: ") else { return Some(head.to_owned()) };
    // In a linked worktree the branches are those of the main one.
    let common = fs::read_to_string(git_dir.join("commondir"))
        .map_or_else(|_| git_dir.clone(), |it| git_dir.join(it.trim()));
    if let Ok(id) = fs::read_to_string(common.join(name)) {
        return Some(id.trim().to_owned());
    }
    let packed = fs::read_to_string(common.join("packed-refs")).ok()?;
    packed.lines().find_map(|it| it.strip_suffix(name)?.split_once(' ')).map(|it| it.0.to_owned())
}

fn find_git_dir(dir: &Path) -> Option<PathBuf> {
    let dot_git = dir.ancestors().map(|it| it.join(".git")).find(|it| it.exists())?;
    if dot_git.is_dir() {
        return Some(dot_git);
    }
    let text = fs::read_to_string(&dot_git).ok()?;
    Some(dot_git.parent()?.join(text.trim().strip_prefix("gitdir: ")?))
}

/// Asks git for the last commit that touched any of `paths`, relative to `dir`.
///
/// `None` where there is no git, no repository or no such commit.
pub fn last_commit(dir: &Path, paths: &[String]) -> Option<Commit> {
    let output = Command::new("git")
        .args(["log", "-1", "--format=%H %ct", "--"])
        .args(paths)
        .current_dir(dir)
        .output()
        .ok()
        .filter(|it| it.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (id, time_s) = text.trim().split_once(' ')?;
    Some(Commit { id: id.to_owned(), time_s: time_s.parse().ok()? })
}

/// Asks git whether any of `paths` differs from the commit that is checked out.
pub fn is_dirty(dir: &Path, paths: &[String]) -> bool {
    let output = Command::new("git")
        .args(["status", "--porcelain", "--"])
        .args(paths)
        .current_dir(dir)
        .output();
    output.is_ok_and(|it| it.status.success() && !it.stdout.is_empty())
}

/// Asks git for the address that `origin` is cloned from, without any password in it.
pub fn origin(dir: &Path) -> Option<String> {
    let output = Command::new("git")
        .args(["config", "--get", "remote.origin.url"])
        .current_dir(dir)
        .output()
        .ok()
        .filter(|it| it.status.success())?;
    let url = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => Some(format!("{scheme}://{rest}")),
        _ => Some(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(dir: &Path, args: &[&str]) {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        let status =
            Command::new("git").args(identity).args(args).current_dir(dir).output().unwrap();
        assert!(status.status.success(), "{status:?}");
    }

    #[test]
    fn the_commit_that_touched_a_path_is_not_the_last_one() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        assert_eq!(head(dir), None);
        git(dir, &["init", "-q", "-b", "main"]);
        fs::write(dir.join("a"), "1").unwrap();
        git(dir, &["add", "a"]);
        git(dir, &["commit", "-q", "-m", "a"]);
        let first = head(dir).unwrap();
        fs::write(dir.join("b"), "1").unwrap();
        git(dir, &["add", "b"]);
        git(dir, &["commit", "-q", "-m", "b"]);
        assert_ne!(head(dir).unwrap(), first);
        assert_eq!(last_commit(dir, &["a".to_owned()]).unwrap().id, first);
        assert!(!is_dirty(dir, &["a".to_owned()]));
        fs::write(dir.join("a"), "2").unwrap();
        assert!(is_dirty(dir, &["a".to_owned()]));
        let head_before = head(dir);
        git(dir, &["pack-refs", "--all"]);
        assert_eq!(head(dir), head_before);
    }
}
