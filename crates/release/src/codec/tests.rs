//! Records round trip, old ones are read, large ones are made to fit.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{DecodeError, SECRET_BYTES_MAX, Write, from_secret, to_secret};
use crate::record::{ApplyMethod, Chart, File, HookPhase, Info, Record, Status};

pub(crate) fn record() -> Record {
    Record {
        name: "faro".to_owned(),
        info: Info {
            first_deployed: Some("2026-11-20T10:00:00.5Z".parse().unwrap()),
            last_deployed: Some("2026-11-20T10:00:00.5Z".parse().unwrap()),
            deleted: None,
            description: "Install complete".to_owned(),
            status: Status::Deployed,
            notes: String::new(),
            rest: Default::default(),
        },
        chart: Chart {
            metadata: json!({ "name": "faro", "version": "0.1.0", "apiVersion": "v2" }),
            values: json!({ "replicas": 3 }),
            templates: vec![File::new("templates/service.yaml", b"kind: Service")],
            ..Chart::default()
        },
        config: Default::default(),
        manifest: "---\n# Source: faro/templates/service.yaml\nkind: Service\n".to_owned(),
        hooks: vec![],
        revision: 1,
        namespace: "dev".to_owned(),
        apply_method: Some(ApplyMethod::ServerSide),
        labels: [("team".to_owned(), "sea".to_owned())].into(),
        rest: Default::default(),
    }
}

fn secret_of(json: &Value) -> Value {
    let inner = STANDARD.encode(json.to_string());
    json!({ "metadata": { "name": "s" }, "data": { "release": STANDARD.encode(inner) } })
}

#[test]
fn record_comes_back_from_its_secret() {
    let secret = to_secret(&record(), Write::Create, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(secret["metadata"]["name"], "sh.helm.release.v1.faro.v1");
    assert_eq!(
        secret["metadata"]["labels"],
        json!({ "owner": "helm", "name": "faro", "status": "deployed", "version": "1", "createdAt": "0", "team": "sea" })
    );
    assert_eq!(from_secret(&secret).unwrap(), record());
}

#[test]
fn json_has_helms_keys_and_omits_what_is_empty() {
    let json = serde_json::to_value(record()).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["apply_method"], "ssa");
    assert_eq!(json["info"]["status"], "deployed");
    assert_eq!(json["info"]["first_deployed"], "2026-11-20T10:00:00.5Z");
    assert!(json["info"].get("deleted").is_none());
    assert!(json.get("hooks").is_none());
    assert!(json.get("config").is_none());
    assert!(json.get("labels").is_none());
}

#[test]
fn plain_json_with_empty_times_of_helm_3_is_read() {
    let old = json!({
        "name": "a", "version": 2, "namespace": "n", "config": null, "hooks": [
            { "name": "h", "kind": "Job", "events": ["test-success"], "last_run": { "started_at": "", "completed_at": "", "phase": "" } },
        ],
        "info": { "first_deployed": "2021-01-02T03:04:05.678+02:00", "last_deployed": "", "deleted": "0001-01-01T00:00:00Z", "status": "pending-upgrade", "resources": { "v1": [] } },
        "chart": { "metadata": { "name": "c" }, "templates": null, "values": null, "modtime": "2020-01-01T00:00:00Z" },
    });
    let record = from_secret(&secret_of(&old)).unwrap();
    assert_eq!(record.info.last_deployed, None);
    assert_eq!(record.info.deleted, None);
    assert!(record.info.status.is_pending());
    assert_eq!(record.hooks[0].last_run.phase, HookPhase::Unknown);
    assert_eq!(record.apply_method, None);
    // What only others know is written back.
    let again = serde_json::to_value(&record).unwrap();
    assert_eq!(again["info"]["resources"], json!({ "v1": [] }));
    assert_eq!(again["chart"]["modtime"], "2020-01-01T00:00:00Z");
}

#[test]
fn large_record_leaves_templates_and_files_out() {
    let mut large = record();
    // Hex of a counter's hash packs to about half: incompressible enough.
    let noise: String = (0..120_000_u64)
        .map(|it| format!("{:016x}", it.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    large.chart.files = vec![File::new("noise", noise.as_bytes())];
    let secret = to_secret(&large, Write::Update, Timestamp::UNIX_EPOCH).unwrap();
    let data = STANDARD.decode(secret["data"]["release"].as_str().unwrap()).unwrap();
    assert!(data.len() <= SECRET_BYTES_MAX);
    let slim = from_secret(&secret).unwrap();
    assert!(slim.chart.files.is_empty() && slim.chart.templates.is_empty());
    assert_eq!(slim.manifest, large.manifest);

    large.manifest = noise;
    let error = to_secret(&large, Write::Create, Timestamp::UNIX_EPOCH).unwrap_err();
    assert!(error.to_string().starts_with("the record of release `faro` takes "), "{error}");
}

#[test]
fn secret_that_is_no_release_says_so() {
    assert!(matches!(from_secret(&json!({ "data": {} })), Err(DecodeError::NoRelease { .. })));
    assert!(matches!(
        from_secret(&json!({ "data": { "release": "!" } })),
        Err(DecodeError::Base64 { .. })
    ));
    assert!(matches!(from_secret(&secret_of(&json!([]))), Err(DecodeError::Json { .. })));
}
