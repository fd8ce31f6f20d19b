//! The API server in process: requests and answers, watches, streams, and a kube client on top.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod access;
mod admission;
mod apply;
mod client;
mod collections;
mod forms;
mod node;
mod objects;
mod patches;
mod serve;
mod watches;

use std::sync::Arc;

use apiserver::{ApiService, Config, ServiceNetwork, TokenKey};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use store::Store;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// A cluster in memory with the first objects and namespace `dev`.
#[derive(Clone)]
struct Cluster {
    service: ApiService,
    store: Store,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    code: u16,
    body: Value,
    warnings: Vec<String>,
}

impl Cluster {
    async fn start() -> Self {
        let config = Config {
            advertise: "10.0.0.1:6443".parse().unwrap(),
            services: ServiceNetwork::STANDARD,
            token_key: TokenKey::generate().unwrap().0,
            shutdown: CancellationToken::new(),
        };
        let store = Store::in_memory();
        let service = apiserver::service(store.clone(), config, Arc::new(node::FakeNode));
        apiserver::bootstrap(&service).await.unwrap();
        let cluster = Self { service, store };
        cluster.create("/api/v1/namespaces", json!({ "metadata": { "name": "dev" } })).await;
        let account = json!({ "metadata": { "name": "default" } });
        cluster.create("/api/v1/namespaces/dev/serviceaccounts", account).await;
        cluster
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Response<apiserver::Body> {
        self.service.clone().oneshot(request).await.unwrap()
    }

    async fn call(&self, method: &str, path: &str, content_type: &str, body: &Value) -> Answer {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::USER_AGENT, "test/1.0")
            .body(Full::new(body))
            .unwrap();
        let response = self.send(request).await;
        let code = response.status().as_u16();
        let warnings = response.headers().get_all(header::WARNING).iter();
        let warnings = warnings.map(|it| it.to_str().unwrap().to_owned()).collect();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Answer { code, body, warnings }
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "application/json", &Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, "application/json", &body).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, "application/json", &body).await
    }

    async fn delete(&self, path: &str, options: Value) -> Answer {
        self.call("DELETE", path, "application/json", &options).await
    }

    async fn merge(&self, path: &str, patch: Value) -> Answer {
        self.call("PATCH", path, "application/merge-patch+json", &patch).await
    }

    /// Creates what must be creatable.
    async fn create(&self, path: &str, body: Value) -> Value {
        let answer = self.post(path, body).await;
        assert_eq!(answer.code, 201, "{}", answer.body);
        answer.body
    }
}

impl Answer {
    #[track_caller]
    fn expect(self, code: u16) -> Value {
        assert_eq!(self.code, code, "{}", self.body);
        self.body
    }

    /// The code, reason and message of a Status.
    #[track_caller]
    fn refusal(&self) -> (u16, &str, &str) {
        assert_eq!(self.body["kind"], "Status", "{}", self.body);
        assert_eq!(self.body["code"], self.code);
        let text = |name: &str| self.body[name].as_str().unwrap_or_default();
        (self.code, text("reason"), text("message"))
    }
}

fn config_map(name: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": name, "labels": labels }, "data": { "a": "1" },
    })
}

fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "web", "image": "web:1" }] },
            },
        },
    })
}

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "web", "image": "web:1" }] },
    })
}

const MAPS: &str = "/api/v1/namespaces/dev/configmaps";
const PODS: &str = "/api/v1/namespaces/dev/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/dev/deployments";
const SERVICES: &str = "/api/v1/namespaces/dev/services";
