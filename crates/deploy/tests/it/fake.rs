//! A small API server in memory: what a deploy asks of one, and a Deployment controller that obeys image names.
//!
//! It is stricter than the real one: a request that it does not know, or a namespace that is missing, is refused.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use kube::client::Body;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tower::service_fn;

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

#[derive(Clone, Default)]
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    revision: u64,
    /// By path: `/api/v1/namespaces/dev/pods/a`.
    objects: BTreeMap<String, Value>,
    events: Vec<(u64, String, Bytes)>,
    watchers: Vec<(String, mpsc::UnboundedSender<Bytes>)>,
    /// `METHOD /path`, in order, watches left out.
    pub(crate) requests: Vec<String>,
}

impl Fake {
    pub(crate) fn client(&self) -> kube::Client {
        let fake = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let fake = fake.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.expect("a body in memory").to_bytes();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                Ok::<_, Infallible>(fake.state().answer(&head, &body))
            }
        });
        kube::Client::new(service, "default")
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test holds it across a panic")
    }

    /// The requests since the last call that wrote something.
    pub(crate) fn writes(&self) -> Vec<String> {
        let mut requests = std::mem::take(&mut self.state().requests);
        requests.retain(|it| !it.starts_with("GET "));
        requests
    }
}

impl State {
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        self.objects.get(path)
    }

    pub(crate) fn paths(&self) -> Vec<&str> {
        self.objects.keys().map(String::as_str).collect()
    }

    pub(crate) fn put(&mut self, path: &str, mut object: Value) -> Value {
        self.revision += 1;
        let kind = if self.objects.contains_key(path) { "MODIFIED" } else { "ADDED" };
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = format!("uid-{}", self.revision).into();
        }
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        self.objects.insert(path.to_owned(), object.clone());
        self.emit(kind, path, &object);
        object
    }

    fn emit(&mut self, kind: &str, path: &str, object: &Value) {
        let collection = collection(path).to_owned();
        let line = Bytes::from(format!("{}\n", json!({ "type": kind, "object": object })));
        self.events.push((self.revision, collection.clone(), line.clone()));
        for (_, watcher) in self.watchers.iter().filter(|(it, _)| *it == collection) {
            // A watcher that is gone is only found out by sending.
            let _gone = watcher.send(line.clone());
        }
    }

    fn answer(&mut self, head: &http::request::Parts, body: &Value) -> Answer {
        let path = head.uri.path().to_owned();
        let query = head.uri.query().unwrap_or_default();
        if query.contains("watch=true") {
            return self.watch(path, query);
        }
        self.requests.push(format!("{} {path}", head.method));
        let is_object = self.objects.contains_key(&path) || !is_collection(&path);
        let (status, answer) = match head.method {
            Method::GET if path.ends_with("/log") => {
                let body = Full::new(Bytes::from("starting\ncannot open database\n"));
                return Response::new(body.boxed_unsync());
            }
            Method::GET if is_object => match self.objects.get(&path) {
                Some(object) => (StatusCode::OK, object.clone()),
                None => refusal(StatusCode::NOT_FOUND, "NotFound"),
            },
            Method::GET => (StatusCode::OK, self.list(&path, query)),
            Method::POST => self.create(&path, body),
            Method::PUT => match self.objects.contains_key(&path) {
                true => (StatusCode::OK, self.put(&path, body.clone())),
                false => refusal(StatusCode::NOT_FOUND, "NotFound"),
            },
            Method::PATCH => self.apply(&path, body),
            Method::DELETE => self.delete(&path),
            ref method => unreachable!("{method} {path}"),
        };
        let body = Full::new(Bytes::from(answer.to_string())).boxed_unsync();
        Response::builder().status(status).body(body).expect("a response")
    }

    fn list(&self, collection: &str, query: &str) -> Value {
        let wanted =
            query.split('&').find_map(|it| it.strip_prefix("labelSelector=")).unwrap_or_default();
        let wanted = wanted.replace("%3D", "=").replace("%2C", ",").replace("%2F", "/");
        let terms: Vec<(&str, &str)> =
            wanted.split(',').filter_map(|it| it.split_once('=')).collect();
        let has_labels =
            |it: &&Value| terms.iter().all(|(key, value)| it["metadata"]["labels"][key] == *value);
        let items: Vec<&Value> =
            self.members(collection).map(|(_, it)| it).filter(has_labels).collect();
        json!({ "metadata": { "resourceVersion": self.revision.to_string() }, "items": items })
    }

    fn members(&self, in_collection: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.objects.iter().filter(move |(path, _)| collection(path) == in_collection)
    }

    fn create(&mut self, collection: &str, body: &Value) -> (StatusCode, Value) {
        let name = body["metadata"]["name"].as_str().expect("a name");
        let path = format!("{collection}/{name}");
        if let Some(namespace) =
            collection.split("/namespaces/").nth(1).and_then(|it| it.split('/').next())
            && !self.objects.contains_key(&format!("/api/v1/namespaces/{namespace}"))
        {
            return refusal(StatusCode::NOT_FOUND, "NotFound");
        }
        if self.objects.contains_key(&path) {
            return refusal(StatusCode::CONFLICT, "AlreadyExists");
        }
        (StatusCode::CREATED, self.put(&path, body.clone()))
    }

    /// Server-side apply of a single writer: the object is what was applied, and the server's own part stays.
    fn apply(&mut self, path: &str, body: &Value) -> (StatusCode, Value) {
        let mut object = body.clone();
        let live = self.objects.get(path).cloned().unwrap_or_default();
        let is_same = live["spec"] == body["spec"];
        let generation = live["metadata"]["generation"].as_i64().unwrap_or(0) + i64::from(!is_same);
        object["metadata"]["uid"] = live["metadata"]["uid"].clone();
        object["metadata"]["generation"] = generation.into();
        object["metadata"]["managedFields"] =
            json!([{ "manager": "helm", "operation": "Apply", "fieldsV1": field_set(body) }]);
        object["status"] = live["status"].clone();
        let object = self.put(path, object);
        match object["kind"].as_str() {
            Some("Deployment") => self.roll_out(path),
            Some("Job") => self.complete(path),
            _ => {}
        }
        (StatusCode::OK, object)
    }

    /// The Deployment controller: an image named `crash` crashes, any other is ready at once.
    fn roll_out(&mut self, path: &str) {
        let mut deployment = self.objects[path].clone();
        let uid = deployment["metadata"]["uid"].as_str().expect("a uid").to_owned();
        let generation = deployment["metadata"]["generation"].clone();
        let is_crashing = deployment["spec"]["image"] == "crash";
        let root = path
            .split("/apis/")
            .nth(1)
            .and_then(|it| it.split("/namespaces/").nth(1))
            .expect("a namespace");
        let namespace = root.split('/').next().expect("a namespace");
        let set = format!("/apis/apps/v1/namespaces/{namespace}/replicasets/web-{generation}");
        let set_object = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {
            "name": format!("web-{generation}"), "namespace": namespace,
            "annotations": { "deployment.kubernetes.io/revision": generation.to_string() },
            "ownerReferences": [{ "uid": uid, "controller": true }],
        } });
        let set_uid = self.put(&set, set_object)["metadata"]["uid"].clone();
        let crashed = json!({ "name": "web", "image": "crash", "restartCount": 1,
            "state": { "waiting": { "reason": "CrashLoopBackOff" } }, "lastState": { "terminated": { "exitCode": 3 } } });
        let ready = json!({ "name": "web", "restartCount": 0, "state": { "running": {} } });
        let pod = json!({ "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": format!("web-{generation}-x"), "namespace": namespace,
                "ownerReferences": [{ "uid": set_uid, "controller": true }] },
            "spec": { "restartPolicy": "Always", "nodeName": "n" },
            "status": { "phase": "Running", "containerStatuses": [if is_crashing { crashed } else { ready }],
                "conditions": [{ "type": "Ready", "status": if is_crashing { "False" } else { "True" } }] },
        });
        self.put(&format!("/api/v1/namespaces/{namespace}/pods/web-{generation}-x"), pod);
        let n_ready = i64::from(!is_crashing);
        deployment["status"] = json!({ "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1,
            "readyReplicas": n_ready, "availableReplicas": n_ready });
        self.put(path, deployment);
    }

    fn complete(&mut self, path: &str) {
        let mut job = self.objects[path].clone();
        let type_ = if job["spec"]["fails"] == true { "Failed" } else { "Complete" };
        job["status"] = json!({ "conditions": [{ "type": type_, "status": "True", "message": "it was told to" }] });
        self.put(path, job);
    }

    fn delete(&mut self, path: &str) -> (StatusCode, Value) {
        match self.objects.remove(path) {
            Some(mut object) => {
                self.revision += 1;
                object["metadata"]["resourceVersion"] = self.revision.to_string().into();
                self.emit("DELETED", path, &object);
                (StatusCode::OK, object)
            }
            None => refusal(StatusCode::NOT_FOUND, "NotFound"),
        }
    }

    fn watch(&mut self, collection: String, query: &str) -> Answer {
        let from =
            query.split('&').find_map(|it| it.strip_prefix("resourceVersion=")).expect("a version");
        let from: u64 = from.parse().expect("a number");
        let (tx, rx) = mpsc::unbounded_channel();
        for (_, _, line) in self.events.iter().filter(|(at, it, _)| *at > from && *it == collection)
        {
            tx.send(line.clone()).expect("the receiver is here");
        }
        self.watchers.push((collection, tx));
        let lines = stream::unfold(rx, async |mut rx| Some((rx.recv().await?, rx)));
        Response::new(StreamBody::new(lines.map(|it| Ok(Frame::data(it)))).boxed_unsync())
    }
}

fn refusal(code: StatusCode, reason: &str) -> (StatusCode, Value) {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure",
        "code": code.as_u16(), "reason": reason, "message": reason,
    });
    (code, status)
}

fn collection(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(collection, _)| collection)
}

/// A path ends in a collection's name when it has an even number of steps behind its group version.
fn is_collection(path: &str) -> bool {
    let n_root = if path.starts_with("/api/") { 2 } else { 3 };
    (path.split('/').filter(|it| !it.is_empty()).count() - n_root) % 2 == 1
}

fn field_set(value: &Value) -> Value {
    match value {
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .map(|(key, value)| (format!("f:{key}"), field_set(value)))
            .collect::<Map<_, _>>()
            .into(),
        _ => json!({}),
    }
}
