//! Random writes and re-openings against a plain map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use store::{Entry, Limits, Store};

use super::{contents, object};

/// One step; keys and guesses are small so that they meet.
#[derive(Clone, Debug)]
enum Step {
    Create { key: u8 },
    Update { key: u8, is_stale: bool },
    Delete { key: u8, is_stale: bool },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4u8).prop_map(|key| Step::Create { key }),
        4 => (0..4u8, prop::bool::weighted(0.2)).prop_map(|(key, is_stale)| Step::Update { key, is_stale }),
        2 => (0..4u8, prop::bool::weighted(0.2)).prop_map(|(key, is_stale)| Step::Delete { key, is_stale }),
        1 => Just(Step::Reopen),
    ]
}

/// What a store should hold: by key, the name and both revisions.
#[derive(Default)]
struct Model {
    objects: BTreeMap<String, (String, u64, u64)>,
    revision: u64,
}

impl Model {
    /// Applies a step when it should succeed, and says whether it should.
    fn apply(&mut self, step: &Step, name: &str) -> bool {
        let next = self.revision + 1;
        let (key, is_stale) = match step {
            Step::Create { key } => (key, false),
            Step::Update { key, is_stale } | Step::Delete { key, is_stale } => (key, *is_stale),
            Step::Reopen => return true,
        };
        let key = format!("/{key}");
        let current = self.objects.get(&key).map(|(_, created, _)| *created);
        let now = match (step, current) {
            (Step::Create { .. }, None) => Some((name.to_owned(), next, next)),
            (Step::Update { .. }, Some(created)) if !is_stale => {
                Some((name.to_owned(), created, next))
            }
            (Step::Delete { .. }, Some(_)) if !is_stale => None,
            _ => return false,
        };
        match now {
            Some(now) => self.objects.insert(key, now),
            None => self.objects.remove(&key),
        };
        self.revision = next;
        true
    }

    fn contents(&self) -> Vec<(String, String, u64, u64)> {
        let short = |(key, (name, created, modified)): (&String, &(String, u64, u64))| {
            (key.clone(), name.clone(), *created, *modified)
        };
        self.objects.iter().map(short).collect()
    }
}

async fn carry_out(store: &Store, step: &Step, name: &str) -> bool {
    let expected = |key: &str, is_stale: bool| {
        let revision = store.get(key).map_or(0, |entry: Entry| entry.mod_revision);
        if is_stale { revision.wrapping_sub(1) } else { revision }
    };
    match step {
        Step::Create { key } => store.create(&format!("/{key}"), object(name)).await.is_ok(),
        Step::Update { key, is_stale } => {
            let key = format!("/{key}");
            store.update(&key, object(name), expected(&key, *is_stale)).await.is_ok()
        }
        Step::Delete { key, is_stale } => {
            let key = format!("/{key}");
            store.delete(&key, expected(&key, *is_stale)).await.is_ok()
        }
        Step::Reopen => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn behaves_as_a_map(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { log_bytes_max: 500, history_events_max: 10, ..Limits::STANDARD };
        let memory = Store::in_memory_with(limits);
        let mut disk = Store::open_with(dir.path(), limits).unwrap();
        let mut model = Model { revision: 1, ..Model::default() };
        runtime.block_on(async {
            for (idx, step) in steps.iter().enumerate() {
                if matches!(step, Step::Reopen) {
                    drop(disk);
                    disk = Store::open_with(dir.path(), limits).unwrap();
                }
                let name = idx.to_string();
                let expect = model.apply(step, &name);
                for store in [&memory, &disk] {
                    assert_eq!(carry_out(store, step, &name).await, expect, "step {idx}: {step:?}");
                    assert_eq!(contents(store), model.contents());
                    assert_eq!(store.revision(), model.revision);
                }
            }
        });
    }
}
