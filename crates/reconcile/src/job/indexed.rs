//! Indexed Jobs: which indexes are done, and which comes next.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use crate::{object, pod};

pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";

pub(super) type Indexes = BTreeSet<u32>;

pub(super) fn is_indexed(job: &Value) -> bool {
    object::str_at(job, "spec.completionMode") == "Indexed"
}

fn index(pod: &Value) -> Option<u32> {
    object::annotation(pod, INDEX)?.parse().ok()
}

/// Those that the status tells, and those whose pod has succeeded since.
pub(super) fn completed(job: &Value, pods: &[Arc<Value>]) -> Indexes {
    let limit = u32::try_from(object::int_at(job, "spec.completions").unwrap_or_default())
        .unwrap_or_default();
    let mut indexes = parse(object::str_at(job, "status.completedIndexes"));
    indexes
        .extend(pods.iter().filter(|it| pod::phase(it) == "Succeeded").filter_map(|it| index(it)));
    indexes.retain(|it| *it < limit);
    indexes
}

/// The first indexes that are neither done nor under way.
pub(super) fn next(job: &Value, pods: &[Arc<Value>], done: &Indexes, count: usize) -> Vec<u32> {
    let limit = u32::try_from(object::int_at(job, "spec.completions").unwrap_or_default())
        .unwrap_or_default();
    let active: Indexes =
        pods.iter().filter(|it| pod::is_active(it)).filter_map(|it| index(it)).collect();
    (0..limit).filter(|it| !done.contains(it) && !active.contains(it)).take(count).collect()
}

/// Reads `1,3-5`.
fn parse(text: &str) -> Indexes {
    let ranges = text.split(',').filter_map(|it| {
        let (first, last) = it.split_once('-').unwrap_or((it, it));
        Some(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?)
    });
    ranges.flatten().collect()
}

/// Writes `1,3-5`.
pub(super) fn ranges(indexes: &Indexes) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for index in indexes.iter().copied() {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => ranges.push((index, index)),
        }
    }
    let text = ranges.iter().map(|(first, last)| match last - first {
        0 => format!("{first}"),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    });
    text.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_written_as_ranges_and_read_again() {
        for text in ["", "1", "1,2", "1,3-5,7,8"] {
            assert_eq!(ranges(&parse(text)), text);
        }
    }
}
