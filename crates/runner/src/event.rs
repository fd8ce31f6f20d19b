//! What a run tells while it goes on.

use std::{fmt, time::Duration};

use deploy::Progress;
use serde::{Deserialize, Serialize};

/// The stages of a service, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    Test,
    Build,
    Image,
    Push,
    Chart,
    Plan,
    Deploy,
}

impl StageName {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Build => "build",
            Self::Image => "image",
            Self::Push => "push",
            Self::Chart => "chart",
            Self::Plan => "plan",
            Self::Deploy => "deploy",
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a stage ended when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Done,
    /// Nothing that it depends on has changed since it was done.
    Unchanged,
    /// There is nothing to do for this service or this cluster.
    Skipped,
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Event {
    Started {
        service: String,
        stage: StageName,
    },
    /// A line that a command wrote.
    Line {
        service: String,
        stage: StageName,
        text: String,
    },
    /// Something of the deploy, as it happens.
    Deploy {
        service: String,
        progress: Progress,
    },
    Ended {
        service: String,
        stage: StageName,
        outcome: Outcome,
        detail: String,
        took: Duration,
    },
    Failed {
        service: String,
        stage: StageName,
        cause: String,
        took: Duration,
    },
}
