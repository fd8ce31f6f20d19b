//! Lists: selectors, pages, deletion of many.

use serde_json::{Value, json};

use super::{Cluster, MAPS, config_map};

async fn with_maps(n_maps: usize) -> Cluster {
    let it = Cluster::start().await;
    for idx in 0..n_maps {
        let labels = json!({ "parity": if idx % 2 == 0 { "even" } else { "odd" } });
        it.create(MAPS, config_map(&format!("m{idx}"), &labels)).await;
    }
    it
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|it| it["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_is_selected() {
    let it = with_maps(4).await;
    let all = it.get(MAPS).await.expect(200);
    assert_eq!((&all["kind"], &all["apiVersion"]), (&json!("ConfigMapList"), &json!("v1")));
    assert_eq!(names(&all), ["m0", "m1", "m2", "m3"]);
    assert_eq!(all["metadata"]["resourceVersion"], it.store.revision().to_string());
    let odd = it.get(&format!("{MAPS}?labelSelector=parity%21%3Deven")).await.expect(200);
    assert_eq!(names(&odd), ["m1", "m3"]);
    let one = it.get(&format!("{MAPS}?fieldSelector=metadata.name%3Dm2")).await.expect(200);
    assert_eq!(names(&one), ["m2"]);
    let everywhere = it.get("/api/v1/configmaps").await.expect(200);
    assert_eq!(names(&everywhere).len(), 4);
    let unknown = it.get(&format!("{MAPS}?fieldSelector=data.a%3D1")).await;
    assert_eq!(unknown.refusal().0, 400);
    assert!(unknown.refusal().2.contains("data.a"));
}

#[tokio::test]
async fn pages_show_one_moment() {
    let it = with_maps(5).await;
    let first = it.get(&format!("{MAPS}?limit=2")).await.expect(200);
    assert_eq!(names(&first), ["m0", "m1"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    it.delete(&format!("{MAPS}/m3"), json!({})).await.expect(200);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = it.get(&format!("{MAPS}?limit=3&continue={token}")).await.expect(200);
    assert_eq!(names(&second), ["m2", "m3", "m4"], "as it was when the first page was made");
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert!(second["metadata"].get("continue").is_none());
    assert_eq!(it.get(&format!("{MAPS}?continue=nonsense")).await.refusal().0, 400);
}

#[tokio::test]
async fn a_page_of_a_forgotten_moment_is_gone() {
    let it = with_maps(3).await;
    let first = it.get(&format!("{MAPS}?limit=1")).await.expect(200);
    let token = first["metadata"]["continue"].as_str().unwrap();
    for n in 0..5000 {
        let map = it.store.get("/core/configmaps/dev/m0").unwrap();
        let mut object = map.object();
        object["data"]["n"] = n.to_string().into();
        it.store.update("/core/configmaps/dev/m0", object, map.mod_revision).await.unwrap();
    }
    let gone = it.get(&format!("{MAPS}?limit=1&continue={token}")).await;
    assert_eq!((gone.refusal().0, gone.refusal().1), (410, "Expired"));
}

#[tokio::test]
async fn many_are_deleted_at_once() {
    let it = with_maps(4).await;
    it.delete(&format!("{MAPS}?labelSelector=parity%3Dodd"), json!({})).await.expect(200);
    assert_eq!(names(&it.get(MAPS).await.expect(200)), ["m0", "m2"]);
}

#[tokio::test]
async fn a_revision_that_is_not_there_yet_is_refused() {
    let it = with_maps(1).await;
    let future = it.get(&format!("{MAPS}?resourceVersion=99999")).await;
    assert_eq!((future.refusal().0, future.refusal().1), (504, "Timeout"));
}
