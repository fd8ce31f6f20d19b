//! What the revisions of a release allow: which is deployed, what to build on, what to prune.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{object, record::Status};

/// Helm's default of `--history-max`.
pub const HISTORY_MAX: usize = 10;

/// One revision, as the labels of its Secret tell it, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub revision: u32,
    pub status: Status,
    pub labels: BTreeMap<String, String>,
}

/// The revisions of one release, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    pub entries: Vec<Entry>,
}

impl History {
    /// Reads the Secrets of one release, metadata alone; those without a revision label are left out.
    pub fn from_secrets<'v>(secrets: impl IntoIterator<Item = &'v Value>) -> Self {
        let mut entries: Vec<Entry> = secrets.into_iter().filter_map(entry).collect();
        entries.sort_by_key(|it| it.revision);
        Self { entries }
    }

    pub fn last(&self) -> Option<&Entry> {
        self.entries.last()
    }

    /// The deployed revision; the highest when several say so.
    pub fn deployed(&self) -> Option<&Entry> {
        self.entries.iter().rev().find(|it| it.status == Status::Deployed)
    }

    /// The revision that an upgrade starts from: the deployed one, or the last that failed or was superseded.
    pub fn baseline(&self) -> Option<&Entry> {
        self.deployed().or_else(|| {
            self.entries
                .iter()
                .rev()
                .find(|it| matches!(it.status, Status::Failed | Status::Superseded))
        })
    }

    /// The newest revision that was healthy once, which a failed upgrade goes back to.
    pub fn last_good(&self) -> Option<&Entry> {
        self.deployed()
            .or_else(|| self.entries.iter().rev().find(|it| it.status == Status::Superseded))
    }

    /// The revision that `rollback` means when none is named: the newest good one before the deployed one.
    pub fn before_deployed(&self) -> Option<&Entry> {
        let last = self.last()?;
        if last.status != Status::Deployed {
            return self.last_good();
        }
        self.entries.iter().rev().find(|it| {
            it.revision < last.revision
                && matches!(it.status, Status::Superseded | Status::Deployed)
        })
    }

    pub fn next_revision(&self) -> u32 {
        self.last().map_or(1, |it| it.revision + 1)
    }

    /// Says that there is nothing to upgrade: no revision, or the release was uninstalled with its history kept.
    pub fn is_install(&self) -> bool {
        self.last().is_none_or(|it| it.status == Status::Uninstalled)
    }

    /// The revisions to delete before one more is written, oldest first; the deployed one stays.
    ///
    /// Source: Helm 4.1.4, `pkg/storage/storage.go`, `removeLeastRecent`.
    pub fn pruned(&self, revisions_max: usize) -> Vec<u32> {
        let n_over = (self.entries.len() + 1).saturating_sub(revisions_max.max(1));
        let deployed = self.deployed().map(|it| it.revision);
        self.entries
            .iter()
            .map(|it| it.revision)
            .filter(|it| Some(*it) != deployed)
            .take(n_over)
            .collect()
    }
}

fn entry(secret: &Value) -> Option<Entry> {
    let labels: BTreeMap<String, String> = secret["metadata"]["labels"]
        .as_object()?
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    Some(Entry {
        revision: object::label(secret, "version")?.parse().ok()?,
        status: Status::of(object::label(secret, "status").unwrap_or_default()),
        labels,
    })
}

#[cfg(test)]
mod tests {
    use super::{Entry, History, Status};

    fn history(statuses: &[Status]) -> History {
        let entries = (1..).zip(statuses);
        let entries = entries.map(|(revision, status)| Entry {
            revision,
            status: *status,
            labels: Default::default(),
        });
        History { entries: entries.collect() }
    }

    #[test]
    fn pruning_keeps_the_deployed_revision() {
        use Status::{Deployed, Failed, Superseded};
        let ten =
            [Deployed, Failed, Failed, Superseded, Failed, Failed, Failed, Failed, Failed, Failed];
        assert_eq!(history(&ten).pruned(10), [2]);
        assert_eq!(history(&ten).pruned(8), [2, 3, 4]);
        assert_eq!(history(&ten[..9]).pruned(10), Vec::<u32>::new());
    }

    #[test]
    fn baseline_is_the_deployed_revision_or_the_last_finished_one() {
        use Status::{Deployed, Failed, PendingUpgrade, Superseded};
        assert_eq!(
            history(&[Superseded, Deployed, Failed]).baseline().map(|it| it.revision),
            Some(2)
        );
        assert_eq!(
            history(&[Superseded, Failed, PendingUpgrade]).baseline().map(|it| it.revision),
            Some(2)
        );
        assert_eq!(history(&[Failed]).last_good(), None);
        assert_eq!(
            history(&[Superseded, Superseded, Deployed]).before_deployed().map(|it| it.revision),
            Some(2)
        );
        assert_eq!(
            history(&[Superseded, Deployed, Failed]).before_deployed().map(|it| it.revision),
            Some(2)
        );
    }

    #[test]
    fn uninstalled_release_is_installed_again() {
        assert!(history(&[]).is_install());
        assert!(history(&[Status::Uninstalled]).is_install());
        assert!(!history(&[Status::Failed]).is_install());
        assert_eq!(history(&[Status::Uninstalled]).next_revision(), 2);
    }
}
