//! The same objects as tables, as metadata, and the documents about the server.

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::{Cluster, DEPLOYMENTS, MAPS, config_map, deployment};

async fn accept(it: &Cluster, path: &str, accept: &str) -> (u16, String, Value) {
    let request = Request::get(path).header(header::ACCEPT, accept).body(Full::<Bytes>::default());
    let response = it.send(request.unwrap()).await;
    let code = response.status().as_u16();
    let media_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (code, media_type, serde_json::from_slice(&bytes).unwrap())
}

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

#[tokio::test]
async fn kubectl_gets_tables() {
    let it = Cluster::start().await;
    it.create(DEPLOYMENTS, deployment("web")).await;
    for path in [DEPLOYMENTS.to_owned(), format!("{DEPLOYMENTS}/web")] {
        let (code, _, table) = accept(&it, &path, TABLE).await;
        assert_eq!((code, &table["kind"]), (200, &json!("Table")));
        assert_eq!(table["columnDefinitions"][0]["name"], "Name");
        assert_eq!(table["rows"][0]["cells"][0], "web");
        assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
        assert!(table["rows"][0]["object"].get("spec").is_none());
    }
    let (_, _, whole) = accept(&it, &format!("{DEPLOYMENTS}?includeObject=Object"), TABLE).await;
    assert_eq!(whole["rows"][0]["object"]["spec"]["replicas"], 2);
}

#[tokio::test]
async fn metadata_alone_can_be_asked_for() {
    let it = Cluster::start().await;
    it.create(MAPS, config_map("a", &json!({}))).await;
    let form = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let (_, _, list) = accept(&it, MAPS, form).await;
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["items"][0]["metadata"]["name"], "a");
    assert!(list["items"][0].get("data").is_none());
}

#[tokio::test]
async fn what_cannot_be_written_is_named() {
    let it = Cluster::start().await;
    let (code, _, status) = accept(&it, MAPS, "application/vnd.kubernetes.protobuf").await;
    assert_eq!((code, &status["reason"]), (406, &json!("NotAcceptable")));
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("application/vnd.kubernetes.protobuf"), "{message}");
}

#[tokio::test]
async fn the_server_describes_itself() {
    let it = Cluster::start().await;
    let version = it.get("/version").await.expect(200);
    assert_eq!((&version["major"], &version["minor"]), (&json!("1"), &json!("34")));
    assert_eq!(version["gitVersion"], "v1.34.4");
    for path in ["/healthz", "/livez", "/readyz", "/readyz/ping"] {
        assert_eq!(it.get(path).await.expect(200), "ok");
    }
    let core = it.get("/api/v1").await.expect(200);
    assert_eq!(core["kind"], "APIResourceList");
    let groups = it.get("/apis").await.expect(200);
    assert_eq!(groups["kind"], "APIGroupList");
    let form = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let (_, media_type, groups) = accept(&it, "/apis", form).await;
    assert_eq!((media_type.as_str(), &groups["kind"]), (form, &json!("APIGroupDiscoveryList")));
    assert!(it.get("/openapi/v2").await.refusal().2.contains("OpenAPI v2"));
    let keys = it.get("/openid/v1/jwks").await.expect(200);
    assert_eq!(keys["keys"][0]["alg"], "ES256");
}
