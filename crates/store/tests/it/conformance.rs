//! What every store does, in memory and on disk.

use std::sync::Arc;

use store::{Change, Compacted, Event, Limits, Store, Watch, WriteError};

use super::{contents, object, subjects};

#[tokio::test]
async fn a_write_takes_the_next_revision() {
    for it in subjects(Limits::STANDARD) {
        let store = it.store.clone();
        assert_eq!(store.revision(), 1);
        let created = store.create("/a/x", object("one")).await.unwrap();
        assert_eq!((created.create_revision, created.mod_revision), (2, 2));
        let updated = store.update("/a/x", object("two"), 2).await.unwrap();
        assert_eq!((updated.create_revision, updated.mod_revision), (2, 3));
        assert_eq!(contents(&store), [("/a/x".to_owned(), "two".to_owned(), 2, 3)]);
        let deleted = store.delete("/a/x", 3).await.unwrap();
        assert_eq!(deleted.mod_revision, 4);
        assert_eq!(deleted.object()["metadata"]["resourceVersion"], "4");
        assert_eq!(store.get("/a/x"), None);
        assert_eq!(store.revision(), 4);
    }
}

#[tokio::test]
async fn a_write_that_expects_something_else_is_refused() {
    for it in subjects(Limits::STANDARD) {
        let store = it.store.clone();
        store.create("/a/x", object("one")).await.unwrap();
        let again = store.create("/a/x", object("two")).await.unwrap_err();
        assert_eq!(again.to_string(), "key `/a/x` already exists");
        let stale = store.update("/a/x", object("two"), 1).await.unwrap_err();
        assert_eq!(stale.to_string(), "key `/a/x` is at revision 2, not 1");
        let missing = store.delete("/a/y", 1).await.unwrap_err();
        assert!(matches!(missing, WriteError::NotFound { .. }));
        assert_eq!(store.revision(), 2);
    }
}

#[tokio::test]
async fn a_list_holds_its_prefix_in_order_of_keys() {
    for it in subjects(Limits::STANDARD) {
        let store = it.store.clone();
        for key in ["/b/2", "/a/1", "/b/1", "/bb/1"] {
            store.create(key, object(key)).await.unwrap();
        }
        let (entries, revision) = store.list("/b/");
        let keys: Vec<&str> = entries.iter().map(|entry| &*entry.key).collect();
        assert_eq!((keys, revision), (vec!["/b/1", "/b/2"], 5));
    }
}

#[tokio::test]
async fn an_earlier_list_is_what_it_was() {
    for it in subjects(Limits::STANDARD) {
        let store = it.store.clone();
        store.create("/a/x", object("one")).await.unwrap();
        store.create("/a/y", object("one")).await.unwrap();
        let (then, at) = store.list("/a/");
        store.update("/a/x", object("two"), 2).await.unwrap();
        store.delete("/a/y", 3).await.unwrap();
        store.create("/a/z", object("one")).await.unwrap();
        assert_eq!(store.list_at("/a/", at).unwrap(), then);
    }
}

#[tokio::test]
async fn a_watch_tells_every_write_under_its_prefix() {
    for it in subjects(Limits::STANDARD) {
        let store = it.store.clone();
        store.create("/a/x", object("one")).await.unwrap();
        let mut watch = store.watch("/a/", 1).unwrap();
        store.create("/b/x", object("other")).await.unwrap();
        store.update("/a/x", object("two"), 2).await.unwrap();
        store.delete("/a/x", 4).await.unwrap();
        assert_eq!(take(&mut watch, 3).await, ["2 put - one", "4 put one two", "5 delete two two"]);
        assert_eq!(watch.position(), 5);
    }
}

#[tokio::test]
async fn a_waiting_watch_is_woken() {
    for it in subjects(Limits::STANDARD) {
        let store = it.store.clone();
        let (_, mut watch) = store.list_and_watch("/a/");
        let waiting = tokio::spawn(async move { take(&mut watch, 2).await });
        tokio::task::yield_now().await;
        store.create("/b/x", object("other")).await.unwrap();
        store.create("/a/x", object("one")).await.unwrap();
        store.create("/a/y", object("two")).await.unwrap();
        assert_eq!(waiting.await.unwrap(), ["3 put - one", "4 put - two"]);
    }
}

#[tokio::test]
async fn a_watch_behind_the_history_is_told_so() {
    let limits = Limits { history_events_max: 2, ..Limits::STANDARD };
    for it in subjects(limits) {
        let store = it.store.clone();
        let mut slow = store.watch("/a/", 1).unwrap();
        let mut elsewhere = store.watch("/b/", 1).unwrap();
        for n in 0..4 {
            store.create(&format!("/a/{n}"), object("x")).await.unwrap();
        }
        assert_eq!(store.oldest_revision(), 3);
        assert_eq!(slow.next(10).await, Err(Compacted { requested: 1, oldest: 3 }));
        assert_eq!(store.watch("/a/", 2).unwrap_err(), Compacted { requested: 2, oldest: 3 });
        assert_eq!(store.list_at("/a/", 2), Err(Compacted { requested: 2, oldest: 3 }));
        // What was compacted did not concern this one.
        store.create("/b/x", object("one")).await.unwrap();
        assert_eq!(take(&mut elsewhere, 1).await, ["6 put - one"]);
    }
}

#[tokio::test]
async fn many_writers_of_one_key_succeed_in_turn() {
    for it in subjects(Limits::STANDARD) {
        let store = it.store.clone();
        store.create("/n", object("0")).await.unwrap();
        let writers = (0..8).map(|_| tokio::spawn(increment(store.clone(), 10)));
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_eq!(contents(&store), [("/n".to_owned(), "80".to_owned(), 2, 82)]);
    }
}

async fn increment(store: Store, times: usize) {
    let mut left = times;
    while left > 0 {
        let entry = store.get("/n").unwrap();
        let n: u64 = entry.object()["metadata"]["name"].as_str().unwrap().parse().unwrap();
        match store.update("/n", object(&(n + 1).to_string()), entry.mod_revision).await {
            Ok(_) => left -= 1,
            Err(WriteError::Conflict { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn take(watch: &mut Watch, n_events: usize) -> Vec<String> {
    let mut told = Vec::new();
    while told.len() < n_events {
        told.extend(watch.next(2).await.unwrap().iter().map(short));
    }
    told
}

fn short(event: &Arc<Event>) -> String {
    let name =
        |entry: &store::Entry| entry.object()["metadata"]["name"].as_str().unwrap().to_owned();
    let verb = match event.change {
        Change::Put { .. } => "put",
        Change::Delete { .. } => "delete",
    };
    let prev = event.prev().map_or_else(|| "-".to_owned(), name);
    format!("{} {verb} {prev} {}", event.revision, name(event.entry()))
}
