//! The life of a release: installed, unchanged, upgraded, broken, taken over, removed.

use std::{collections::BTreeMap, io, sync::Mutex, time::Duration};

use deploy::{
    Aftermath, Cluster, Context, DeployError, EvidenceSink, Options, Outcome, Progress, Request,
    Standing, deploy as carry_out, prepare, rollback::rollback, status, uninstall::uninstall,
    unlock::unlock,
};
use release::{
    Owner, Status,
    codec::from_secret,
    lock::{Holder, lease, lease_name},
    record::{Chart, Hook, HookDeletePolicy, HookEvent},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::fake::Fake;

/// A cluster, and everything that deploys on it told and kept.
#[derive(Default)]
struct World {
    fake: Fake,
    told: Mutex<Vec<String>>,
    evidence: Evidence,
    cancel: CancellationToken,
}

#[derive(Default)]
struct Evidence(Mutex<BTreeMap<String, String>>);

impl EvidenceSink for Evidence {
    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let content = String::from_utf8_lossy(content).into_owned();
        self.0.lock().expect("one writer").insert(name.to_owned(), content);
        Ok(())
    }
}

impl World {
    fn cluster(&self) -> Cluster {
        Cluster::new(self.fake.client())
    }

    async fn deploy(&self, request: &Request) -> Result<Outcome, DeployError> {
        let report = |it: Progress| self.told.lock().expect("one reporter").push(it.to_string());
        let ctx = Context { report: &report, evidence: &self.evidence, cancel: &self.cancel };
        let cluster = self.cluster();
        let prepared = prepare(&cluster, request).await.map_err(DeployError::Prepare)?;
        carry_out(&cluster, request, prepared, ctx).await
    }

    fn ctx(&self) -> Context<'_> {
        Context { report: &|_| {}, evidence: &self.evidence, cancel: &self.cancel }
    }

    fn was_told(&self, line: &str) -> bool {
        self.told.lock().expect("one reporter").iter().any(|it| it == line)
    }

    async fn statuses(&self) -> Vec<String> {
        let history = status::history(&self.cluster(), &owner()).await.expect("a history");
        history
            .iter()
            .map(|it| format!("{} {}: {}", it.revision, it.status, it.description))
            .collect()
    }
}

fn owner() -> Owner {
    Owner { name: "web".to_owned(), namespace: "dev".to_owned() }
}

fn manifest(image: &str, text: &str) -> String {
    format!(
        "---\n# Source: web/templates/cm.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  text: {text}\n\
         ---\n# Source: web/templates/deployment.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n  image: {image}\n"
    )
}

fn request(image: &str, text: &str) -> Request {
    Request {
        owner: owner(),
        chart: Chart { metadata: json!({ "name": "web", "version": "1.0.0" }), ..Chart::default() },
        values: Default::default(),
        manifest: manifest(image, text),
        hooks: Vec::new(),
        notes: String::new(),
        crds: Vec::new(),
        images: vec![format!("digest of {image}")],
        checks: Vec::new(),
        options: Options { timeout: Duration::from_secs(10), ..Options::default() },
    }
}

fn hook(name: &str, event: HookEvent, fails: bool) -> Hook {
    Hook {
        name: name.to_owned(),
        kind: "Job".to_owned(),
        path: format!("web/templates/{name}.yaml"),
        manifest: format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\nspec:\n  fails: {fails}\n"
        ),
        events: vec![event],
        last_run: Default::default(),
        weight: 0,
        delete_policies: vec![HookDeletePolicy::HookSucceeded],
        output_log_policies: Vec::new(),
        rest: Default::default(),
    }
}

const SECRETS: &str = "/api/v1/namespaces/dev/secrets";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/dev/deployments/web";
const CONFIG_MAP: &str = "/api/v1/namespaces/dev/configmaps/web";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/dev/leases";

#[tokio::test]
async fn install_makes_the_namespace_and_ends_deployed() {
    let world = World::default();
    let outcome = world.deploy(&request("good", "a")).await.unwrap();
    assert_eq!(outcome, Outcome::Deployed { revision: 1 });
    assert_eq!(world.statuses().await, ["1 deployed: Install complete"]);
    assert!(world.was_told("namespace dev created"));
    assert!(world.was_told("pod web-1-x: ready"));
    let state = world.fake.state();
    let deployment = state.get(DEPLOYMENT).unwrap();
    assert_eq!(deployment["metadata"]["labels"]["app.kubernetes.io/managed-by"], "Helm");
    assert_eq!(deployment["metadata"]["annotations"]["meta.helm.sh/release-name"], "web");
    assert_eq!(state.get(&format!("{LEASES}/{}", lease_name("web"))), None);
}

#[tokio::test]
async fn unchanged_release_costs_one_list_and_one_for_each_kind() {
    let world = World::default();
    world.deploy(&request("good", "a")).await.unwrap();
    world.fake.writes();
    assert_eq!(
        world.deploy(&request("good", "a")).await.unwrap(),
        Outcome::Unchanged { revision: 1 }
    );
    let mut requests = std::mem::take(&mut world.fake.state().requests);
    requests.sort();
    assert_eq!(
        requests,
        [
            "GET /api/v1/namespaces/dev/configmaps",
            "GET /api/v1/namespaces/dev/secrets",
            "GET /apis/apps/v1/namespaces/dev/deployments",
        ]
    );
    // Another image under the same name is a change, though no object changes.
    let mut rebuilt = request("good", "a");
    rebuilt.images = vec!["another digest".to_owned()];
    assert_eq!(world.deploy(&rebuilt).await.unwrap(), Outcome::Deployed { revision: 2 });
}

#[tokio::test]
async fn drift_is_found_and_mended_by_a_new_revision() {
    let world = World::default();
    world.deploy(&request("good", "a")).await.unwrap();
    let mut drifted = world.fake.state().get(CONFIG_MAP).unwrap().clone();
    drifted["data"]["text"] = json!("edited");
    drifted["metadata"]["managedFields"] = json!([]);
    world.fake.state().put(CONFIG_MAP, drifted);
    assert_eq!(
        world.deploy(&request("good", "a")).await.unwrap(),
        Outcome::Deployed { revision: 2 }
    );
    assert_eq!(world.fake.state().get(CONFIG_MAP).unwrap()["data"]["text"], "a");
}

#[tokio::test]
async fn upgrade_writes_only_what_changed() {
    let world = World::default();
    world.deploy(&request("good", "a")).await.unwrap();
    world.fake.writes();
    world.deploy(&request("good", "b")).await.unwrap();
    let lease = format!("{LEASES}/{}", lease_name("web"));
    assert_eq!(
        world.fake.writes(),
        [
            format!("POST {LEASES}"),
            format!("POST {SECRETS}"),
            format!("PATCH {CONFIG_MAP}"),
            format!("PUT {SECRETS}/sh.helm.release.v1.web.v2"),
            format!("PUT {SECRETS}/sh.helm.release.v1.web.v1"),
            format!("DELETE {lease}"),
        ]
    );
    assert_eq!(
        world.statuses().await,
        ["1 superseded: Install complete", "2 deployed: Upgrade complete"]
    );
}

#[tokio::test]
async fn crash_is_explained_and_the_last_good_revision_put_back() {
    let world = World::default();
    world.deploy(&request("good", "a")).await.unwrap();
    let Err(DeployError::Failed(failed)) = world.deploy(&request("crash", "a")).await else {
        unreachable!("a crash is a failure")
    };
    let line = "deployment/web: container `web` of pod web-2-x crashed 2 times with exit code 3: cannot open database";
    assert_eq!(failed.cause, line);
    assert_eq!(failed.aftermath, Aftermath::RolledBack { to: 1, revision: 3 });
    assert_eq!(failed.evidence.log, ["starting", "cannot open database"]);
    let evidence = world.evidence.0.lock().unwrap().clone();
    assert!(evidence["pods/web-2-x/web.previous.log"].contains("cannot open database"));
    assert!(evidence["cause.txt"].starts_with("deployment/web: container `web`"));
    assert_eq!(world.fake.state().get(DEPLOYMENT).unwrap()["spec"]["image"], "good");
    let failed = format!("2 failed: Upgrade \"web\" failed: {line}");
    assert_eq!(
        world.statuses().await,
        ["1 superseded: Install complete", failed.as_str(), "3 deployed: Rollback to 1"]
    );
    // What was put back is known to be what revision 1 was made from.
    assert_eq!(
        world.deploy(&request("good", "a")).await.unwrap(),
        Outcome::Unchanged { revision: 3 }
    );
}

#[tokio::test]
async fn failed_install_leaves_its_record_alone() {
    let world = World::default();
    let Err(DeployError::Failed(failed)) = world.deploy(&request("crash", "a")).await else {
        unreachable!("a crash is a failure")
    };
    assert_eq!(failed.aftermath, Aftermath::Removed);
    assert_eq!(world.fake.state().get(DEPLOYMENT), None);
    assert_eq!(world.fake.state().get(CONFIG_MAP), None);
    assert!(
        world.statuses().await[0].starts_with("1 failed: Release \"web\" failed: deployment/web")
    );
    assert_eq!(
        world.deploy(&request("good", "a")).await.unwrap(),
        Outcome::Deployed { revision: 2 }
    );
}

#[tokio::test]
async fn interrupted_deploy_has_a_terminal_status_and_keeps_everything() {
    let world = World::default();
    world.deploy(&request("good", "a")).await.unwrap();
    world.cancel.cancel();
    let Err(DeployError::Failed(failed)) = world.deploy(&request("crash", "b")).await else {
        unreachable!("it was interrupted")
    };
    assert!(failed.step.is_cancelled());
    assert_eq!(failed.aftermath, Aftermath::Left);
    assert_eq!(world.statuses().await[1], "2 failed: Upgrade \"web\" failed: interrupted");
}

/// Leaves the cluster as a process does that died in the middle of an upgrade.
async fn die(world: &World, holder: &Holder) {
    world.deploy(&request("good", "a")).await.expect("a deploy that works");
    let secret = format!("{SECRETS}/sh.helm.release.v1.web.v1");
    let mut record = from_secret(world.fake.state().get(&secret).expect("a deploy that works"))
        .expect("a deploy that works");
    record.revision = 2;
    record.set_status(Status::PendingUpgrade, "Preparing upgrade");
    let now = jiff::Timestamp::from_second(4_000_000_000).expect("a deploy that works");
    let pending = release::codec::to_secret(&record, release::codec::Write::Create, now)
        .expect("a deploy that works");
    let mut state = world.fake.state();
    state.put(&format!("{SECRETS}/sh.helm.release.v1.web.v2"), pending);
    let lock = lease("web", "dev", holder, now, None);
    state.put(&format!("{LEASES}/{}", lease_name("web")), lock);
}

#[tokio::test]
async fn lock_of_the_dead_is_taken_over_and_their_revision_marked_failed() {
    let world = World::default();
    let hostname = hostname();
    die(
        &world,
        &Holder { host: hostname, boot_id: "an earlier one".to_owned(), pid: 1, started_ticks: 1 },
    )
    .await;
    assert_eq!(
        world.deploy(&request("good", "b")).await.unwrap(),
        Outcome::Deployed { revision: 3 }
    );
    let statuses = world.statuses().await;
    assert!(
        statuses[1].starts_with("2 failed: Left pending-upgrade by a run that did not end"),
        "{statuses:?}"
    );
    assert!(world.was_told("revision 2 was stuck, now marked failed"));
}

#[tokio::test]
async fn lock_of_the_living_is_respected_until_it_is_unlocked() {
    let world = World::default();
    die(
        &world,
        &Holder { host: "elsewhere".to_owned(), boot_id: String::new(), pid: 1, started_ticks: 1 },
    )
    .await;
    let error = world.deploy(&request("good", "b")).await.unwrap_err();
    assert!(
        error.to_string().starts_with("release `web` is being changed by elsewhere/"),
        "{error}"
    );
    let unlocked = unlock(&world.cluster(), &owner()).await.unwrap();
    assert_eq!((unlocked.had_lock, unlocked.stuck), (true, Some(2)));
    assert_eq!(
        world.deploy(&request("good", "b")).await.unwrap(),
        Outcome::Deployed { revision: 3 }
    );
}

#[tokio::test]
async fn pending_revision_without_a_lock_is_helms_own() {
    let world = World::default();
    die(
        &world,
        &Holder { host: "elsewhere".to_owned(), boot_id: String::new(), pid: 1, started_ticks: 1 },
    )
    .await;
    let lock = format!("{LEASES}/{}", lease_name("web"));
    let client = world.fake.client();
    client.request_text(http::Request::delete(lock).body(Vec::new()).unwrap()).await.unwrap();
    let error = world.deploy(&request("good", "b")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "another operation (install/upgrade/rollback) is in progress: revision 2 of release `web` is pending-upgrade"
    );
}

#[tokio::test]
async fn hooks_run_around_the_changes_and_go_by_their_policy() {
    let world = World::default();
    let mut with_hooks = request("good", "a");
    with_hooks.hooks = vec![
        hook("late", HookEvent::PostInstall, false),
        hook("early", HookEvent::PreInstall, false),
    ];
    world.deploy(&with_hooks).await.unwrap();
    let writes = world.fake.writes();
    let at = |line: &str| {
        writes.iter().position(|it| it == line).unwrap_or_else(|| unreachable!("{writes:?}"))
    };
    let jobs = "/apis/batch/v1/namespaces/dev/jobs";
    assert!(at(&format!("DELETE {jobs}/early")) < at(&format!("PATCH {DEPLOYMENT}")));
    assert!(at(&format!("PATCH {DEPLOYMENT}")) < at(&format!("PATCH {jobs}/late")));
    assert!(world.fake.state().paths().iter().all(|it| !it.starts_with(jobs)));
}

#[tokio::test]
async fn failed_hook_ends_the_deploy_before_anything_changed() {
    let world = World::default();
    let mut broken = request("good", "a");
    broken.hooks = vec![hook("migrate", HookEvent::PreInstall, true)];
    let error = world.deploy(&broken).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "hook migrate failed: job/migrate: the job failed: it was told to"
    );
    assert_eq!(world.fake.state().get(DEPLOYMENT), None);
}

#[tokio::test]
async fn rollback_and_uninstall_end_where_they_should() {
    let world = World::default();
    world.deploy(&request("good", "a")).await.unwrap();
    world.deploy(&request("good", "b")).await.unwrap();
    let options = Options { timeout: Duration::from_secs(10), ..Options::default() };
    let cluster = world.cluster();
    assert_eq!(rollback(&cluster, &owner(), None, &options, world.ctx()).await.unwrap(), 3);
    assert_eq!(world.fake.state().get(CONFIG_MAP).unwrap()["data"]["text"], "a");
    assert_eq!(
        prepare(&cluster, &request("good", "a")).await.unwrap().standing,
        Standing::Current { revision: 3 }
    );
    let removed = uninstall(&cluster, &owner(), &options, world.ctx()).await.unwrap();
    assert_eq!(removed.n_deleted, 2);
    let left = world.fake.state();
    let ours = |it: &&&str| {
        it.contains("secrets") || it.contains("configmaps") || it.contains("deployments")
    };
    assert_eq!(left.paths().iter().filter(ours).count(), 0);
}

#[expect(clippy::disallowed_methods, reason = "the lock of this machine names this machine")]
fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").expect("Linux").trim().replace('/', "-")
}
