//! Columns of volumes, claims and storage classes.

use jiff::Timestamp;
use serde_json::Value;

use super::{Printer, age, count, list, name, text, text_or};
use crate::{Quantity, meta};

pub(super) fn printer(kind: &str) -> Option<Printer> {
    Some(match kind {
        "PersistentVolume" => Printer {
            columns: "Name|Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age|+VolumeMode",
            cells: volume,
        },
        "PersistentVolumeClaim" => Printer {
            columns: "Name|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|+VolumeMode",
            cells: claim,
        },
        "StorageClass" => Printer {
            columns: "Name|Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age",
            cells: class,
        },
        "VolumeAttributesClass" => Printer {
            columns: "Name|DriverName|Age",
            cells: |class, now| vec![name(class), class["driverName"].clone(), age(class, now)],
        },
        "VolumeAttachment" => {
            Printer { columns: "Name|Attacher|PV|Node|Attached:boolean|Age", cells: attachment }
        }
        "CSINode" => Printer {
            columns: "Name|Drivers:integer|Age",
            cells: |node, now| vec![name(node), count(&node["spec"]["drivers"]), age(node, now)],
        },
        "CSIDriver" => Printer {
            columns: "Name|AttachRequired:boolean|PodInfoOnMount:boolean|StorageCapacity:boolean|TokenRequests|RequiresRepublish:boolean|Modes|Age",
            cells: driver,
        },
        _ => return None,
    })
}

/// `RWO,ROX`, in upstream's order, each once.
fn access_modes(modes: &Value) -> String {
    const NAMES: [(&str, &str); 4] = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let has = |mode: &str| list(modes).iter().any(|it| it == mode);
    let shown: Vec<&str> = NAMES.iter().filter(|(mode, _)| has(mode)).map(|(_, it)| *it).collect();
    shown.join(",")
}

fn storage(amounts: &Value) -> String {
    Quantity::from_json(&amounts["storage"]).map_or("0".to_owned(), |it| it.to_string())
}

/// The class, which an annotation named before the field did.
fn class_of(object: &Value) -> &str {
    let annotation = meta::annotation(object, "volume.beta.kubernetes.io/storage-class");
    annotation.unwrap_or_else(|| text(&object["spec"]["storageClassName"]))
}

fn phase(object: &Value) -> Value {
    if meta::deletion_timestamp(object).is_some() {
        return "Terminating".into();
    }
    text(&object["status"]["phase"]).into()
}

fn volume(volume: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &volume["spec"];
    let claim = &spec["claimRef"];
    let claim = if claim.is_null() {
        String::new()
    } else {
        format!("{}/{}", text(&claim["namespace"]), text(&claim["name"]))
    };
    vec![
        name(volume),
        storage(&spec["capacity"]).into(),
        access_modes(&spec["accessModes"]).into(),
        text(&spec["persistentVolumeReclaimPolicy"]).into(),
        phase(volume),
        claim.into(),
        class_of(volume).into(),
        text_or(&spec["volumeAttributesClassName"], "<unset>").into(),
        text(&volume["status"]["reason"]).into(),
        age(volume, now),
        text_or(&spec["volumeMode"], "<unset>").into(),
    ]
}

fn claim(claim: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&claim["spec"], &claim["status"]);
    let volume = text(&spec["volumeName"]);
    let (capacity, modes) = if volume.is_empty() {
        (String::new(), String::new())
    } else {
        (storage(&status["capacity"]), access_modes(&status["accessModes"]))
    };
    vec![
        name(claim),
        phase(claim),
        volume.into(),
        capacity.into(),
        modes.into(),
        class_of(claim).into(),
        text_or(&spec["volumeAttributesClassName"], "<unset>").into(),
        age(claim, now),
        text_or(&spec["volumeMode"], "<unset>").into(),
    ]
}

fn class(class: &Value, now: Timestamp) -> Vec<Value> {
    let is_default =
        meta::annotation(class, "storageclass.kubernetes.io/is-default-class") == Some("true");
    let suffix = if is_default { " (default)" } else { "" };
    vec![
        format!("{}{suffix}", meta::name(class)).into(),
        class["provisioner"].clone(),
        text_or(&class["reclaimPolicy"], "Delete").into(),
        text_or(&class["volumeBindingMode"], "Immediate").into(),
        (class["allowVolumeExpansion"] == true).into(),
        age(class, now),
    ]
}

fn attachment(attachment: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &attachment["spec"];
    vec![
        name(attachment),
        spec["attacher"].clone(),
        text(&spec["source"]["persistentVolumeName"]).into(),
        spec["nodeName"].clone(),
        (attachment["status"]["attached"] == true).into(),
        age(attachment, now),
    ]
}

fn driver(driver: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &driver["spec"];
    let tokens = match spec["tokenRequests"].as_array() {
        Some(tokens) => {
            let audiences: Vec<&str> = tokens.iter().map(|it| text(&it["audience"])).collect();
            audiences.join(",")
        }
        None => "<unset>".to_owned(),
    };
    vec![
        name(driver),
        (spec["attachRequired"] != false).into(),
        (spec["podInfoOnMount"] == true).into(),
        (spec["storageCapacity"] == true).into(),
        tokens.into(),
        (spec["requiresRepublish"] == true).into(),
        super::joined(list(&spec["volumeLifecycleModes"]).iter().map(text)).into(),
        age(driver, now),
    ]
}
