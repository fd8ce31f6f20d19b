//! A small API server in memory: lists, watches, merge patches, deletion with finalizers, binding.
//!
//! It is stricter than the real one: a patch without a version, or a request that it does not know, is refused.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use kube::client::Body;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, watch};
use tower::service_fn;

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

#[derive(Clone)]
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    revision: watch::Sender<u64>,
}

#[derive(Default)]
pub(crate) struct State {
    revision: u64,
    /// By collection (`/api/v1/pods`), namespace and name.
    objects: BTreeMap<(String, String, String), Value>,
    /// All events of watches: revision, collection, line.
    events: Vec<(u64, String, Bytes)>,
    watchers: Vec<(String, mpsc::UnboundedSender<Bytes>)>,
    /// How many of the next patches are refused as conflicts.
    pub(crate) n_conflicts: usize,
    /// `METHOD collection` of every write.
    pub(crate) writes: Vec<String>,
}

/// Where a request goes.
struct Place {
    collection: String,
    namespace: String,
    name: String,
    part: String,
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self { state: Arc::default(), revision: watch::channel(0).0 }
    }

    pub(crate) fn client(&self) -> kube::Client {
        let fake = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let fake = fake.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.expect("a body in memory").to_bytes();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                Ok::<_, Infallible>(fake.answer(&head, body))
            }
        });
        kube::Client::new(service, "default")
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test holds it across a panic")
    }

    /// Waits until the state satisfies a condition.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&State) -> bool) {
        let mut revision = self.revision.subscribe();
        let wait = async {
            while !holds(&self.state()) {
                revision.changed().await.expect("the sender is ours");
            }
        };
        if tokio::time::timeout(Duration::from_secs(10), wait).await.is_err() {
            let state = self.state();
            let objects: Vec<&(String, String, String)> = state.objects.keys().collect();
            unreachable!(
                "{what} did not come true; there are {objects:?}; writes {:?}",
                state.writes
            );
        }
    }

    pub(crate) fn create(&self, collection: &str, object: Value) {
        let place = Place {
            collection: collection.to_owned(),
            namespace: object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned(),
            name: String::new(),
            part: String::new(),
        };
        let (status, answer) = self.state().create(&place, object);
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        self.announce();
    }

    pub(crate) fn delete(&self, collection: &str, namespace: &str, name: &str) {
        let key = (collection.to_owned(), namespace.to_owned(), name.to_owned());
        self.state().delete(&key, &Value::Null);
        self.announce();
    }

    fn announce(&self) {
        let revision = self.state().revision;
        self.revision.send_replace(revision);
    }

    fn answer(&self, head: &http::request::Parts, body: Value) -> Answer {
        let place = Place::parse(head.uri.path());
        let query = head.uri.query().unwrap_or_default();
        let mut state = self.state();
        if query.contains("watch=true") {
            let from = query
                .rsplit_once("resourceVersion=")
                .expect("a version")
                .1
                .parse()
                .expect("a number");
            return state.watch(place.collection, from);
        }
        if head.method != Method::GET {
            let line = format!("{} {}", head.method, place.collection);
            state.writes.push(line);
        }
        let (status, answer) = match (&head.method, place.part.as_str()) {
            (&Method::GET, "") => state.read(&place),
            (&Method::POST, "") => state.create(&place, body),
            (&Method::POST, "binding") => state.bind(&place, &body),
            (&Method::PATCH, part) => state.patch(&place, part, &body),
            (&Method::PUT, "finalize") => state.finalize(&place),
            (&Method::DELETE, "") if place.name.is_empty() => state.delete_all(&place),
            (&Method::DELETE, "") => state.delete(&place.key(), &body),
            (method, part) => unreachable!("{method} {} {part}", head.uri),
        };
        drop(state);
        self.announce();
        json_answer(status, &answer)
    }
}

fn json_answer(status: StatusCode, value: &Value) -> Answer {
    let body = http_body_util::Full::new(Bytes::from(value.to_string())).boxed_unsync();
    Response::builder().status(status).body(body).expect("a response")
}

fn refusal(code: StatusCode, reason: &str) -> (StatusCode, Value) {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure",
        "code": code.as_u16(), "reason": reason, "message": reason,
    });
    (code, status)
}

impl Place {
    fn parse(path: &str) -> Self {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let n_base = if segments[0] == "api" { 2 } else { 3 };
        let base = segments[..n_base].join("/");
        let rest = &segments[n_base..];
        let (namespace, rest) = match rest {
            ["namespaces", _, "finalize" | "status"] => ("", rest),
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            rest => ("", rest),
        };
        let part = |idx: usize| rest.get(idx).copied().unwrap_or_default().to_owned();
        Self {
            collection: format!("/{base}/{}", part(0)),
            namespace: namespace.to_owned(),
            name: part(1),
            part: part(2),
        }
    }

    fn key(&self) -> (String, String, String) {
        (self.collection.clone(), self.namespace.clone(), self.name.clone())
    }
}

impl State {
    pub(crate) fn list<'a>(&'a self, collection: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects
            .iter()
            .filter(move |((it, _, _), _)| it == collection)
            .map(|(_, object)| object)
    }

    pub(crate) fn get(&self, collection: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.get(&(collection.to_owned(), namespace.to_owned(), name.to_owned()))
    }

    fn emit(&mut self, kind: &str, collection: &str, object: &Value) {
        let line = Bytes::from(format!("{}\n", json!({ "type": kind, "object": object })));
        self.events.push((self.revision, collection.to_owned(), line.clone()));
        for (_, watcher) in self.watchers.iter().filter(|(it, _)| it == collection) {
            // A watcher that is gone is only found out by sending.
            let _gone = watcher.send(line.clone());
        }
    }

    fn watch(&mut self, collection: String, from: u64) -> Answer {
        let (tx, rx) = mpsc::unbounded_channel();
        for (_, _, line) in self.events.iter().filter(|(at, it, _)| *at > from && *it == collection)
        {
            tx.send(line.clone()).expect("the receiver is here");
        }
        self.watchers.push((collection, tx));
        let lines = stream::unfold(rx, async |mut rx| Some((rx.recv().await?, rx)));
        let body = StreamBody::new(lines.map(|it| Ok(hyper::body::Frame::data(it)))).boxed_unsync();
        Response::new(body)
    }

    fn read(&self, place: &Place) -> (StatusCode, Value) {
        if place.name.is_empty() {
            let items: Vec<&Value> = self.list(&place.collection).collect();
            return (
                StatusCode::OK,
                json!({ "metadata": { "resourceVersion": self.revision.to_string() }, "items": items }),
            );
        }
        match self.objects.get(&place.key()) {
            Some(object) => (StatusCode::OK, object.clone()),
            None => refusal(StatusCode::NOT_FOUND, "NotFound"),
        }
    }

    fn put(&mut self, key: &(String, String, String), mut object: Value, event: &str) -> Value {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        self.objects.insert(key.clone(), object.clone());
        self.emit(event, &key.0, &object);
        object
    }

    fn remove(&mut self, key: &(String, String, String)) {
        let mut object = self.objects.remove(key).expect("it is there");
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        self.emit("DELETED", &key.0, &object);
    }

    fn create(&mut self, place: &Place, mut object: Value) -> (StatusCode, Value) {
        let id = self.revision + 1;
        let metadata = &mut object["metadata"];
        if let Some(prefix) = metadata["generateName"].as_str() {
            metadata["name"] = format!("{prefix}{id}").into();
        }
        let name = metadata["name"].as_str().expect("it has a name").to_owned();
        let key = (place.collection.clone(), place.namespace.clone(), name);
        if self.objects.contains_key(&key) {
            return refusal(StatusCode::CONFLICT, "AlreadyExists");
        }
        metadata["uid"] = format!("uid-{id}").into();
        metadata["generation"] = 1.into();
        metadata["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
        (StatusCode::CREATED, self.put(&key, object, "ADDED"))
    }

    fn patch(&mut self, place: &Place, part: &str, patch: &Value) -> (StatusCode, Value) {
        let Some(old) = self.objects.get(&place.key()).cloned() else {
            return refusal(StatusCode::NOT_FOUND, "NotFound");
        };
        let version =
            patch["metadata"]["resourceVersion"].as_str().expect("every patch names its version");
        if self.n_conflicts > 0 || version != old["metadata"]["resourceVersion"] {
            self.n_conflicts = self.n_conflicts.saturating_sub(1);
            return refusal(StatusCode::CONFLICT, "Conflict");
        }
        let mut new = old.clone();
        merge(&mut new, patch);
        let kept = if part == "status" { "spec" } else { "status" };
        new[kept] = old[kept].clone();
        if new["spec"] != old["spec"] {
            new["metadata"]["generation"] =
                (old["metadata"]["generation"].as_u64().expect("set") + 1).into();
        }
        if new == old {
            return (StatusCode::OK, old);
        }
        let is_ended = new["metadata"]["deletionTimestamp"].is_string()
            && new["metadata"]["finalizers"].is_null();
        let new = self.put(&place.key(), new, "MODIFIED");
        if is_ended {
            self.remove(&place.key());
        }
        (StatusCode::OK, new)
    }

    fn bind(&mut self, place: &Place, binding: &Value) -> (StatusCode, Value) {
        let mut pod = self.objects[&place.key()].clone();
        assert!(pod["spec"]["nodeName"].is_null(), "bound twice");
        pod["spec"]["nodeName"] = binding["target"]["name"].clone();
        self.put(&place.key(), pod, "MODIFIED");
        (StatusCode::CREATED, json!({ "kind": "Status", "status": "Success" }))
    }

    fn finalize(&mut self, place: &Place) -> (StatusCode, Value) {
        let Some(namespace) = self.objects.get(&place.key()).cloned() else {
            return refusal(StatusCode::NOT_FOUND, "NotFound");
        };
        self.remove(&place.key());
        (StatusCode::OK, namespace)
    }

    fn delete(&mut self, key: &(String, String, String), options: &Value) -> (StatusCode, Value) {
        let Some(mut object) = self.objects.get(key).cloned() else {
            return refusal(StatusCode::NOT_FOUND, "NotFound");
        };
        if options["preconditions"]["uid"].is_string()
            && options["preconditions"]["uid"] != object["metadata"]["uid"]
        {
            return refusal(StatusCode::CONFLICT, "Conflict");
        }
        let is_held =
            object["metadata"]["finalizers"].is_array() || object["spec"]["finalizers"].is_array();
        if is_held {
            if object["metadata"]["deletionTimestamp"].is_null() {
                object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
                object = self.put(key, object, "MODIFIED");
            }
            return (StatusCode::OK, object);
        }
        self.remove(key);
        (StatusCode::OK, json!({ "kind": "Status", "status": "Success" }))
    }

    fn delete_all(&mut self, place: &Place) -> (StatusCode, Value) {
        let is_in = |(collection, namespace, _): &&(String, String, String)| {
            *collection == place.collection && *namespace == place.namespace
        };
        let keys: Vec<_> = self.objects.keys().filter(is_in).cloned().collect();
        let items: Vec<Value> = keys.iter().map(|it| self.objects[it].clone()).collect();
        for key in keys {
            self.delete(&key, &Value::Null);
        }
        (StatusCode::OK, json!({ "kind": "List", "metadata": {}, "items": items }))
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (key, value) in patch {
        match target.as_object_mut() {
            Some(object) if value.is_null() => drop(object.remove(key)),
            _ => merge(&mut target[key], value),
        }
    }
}
