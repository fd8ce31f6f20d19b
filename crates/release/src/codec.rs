//! Records to the Secrets that Helm keeps them in, and back.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use jiff::Timestamp;
use serde_json::{Value, json};
use thiserror::Error;

use crate::record::Record;

pub const SECRET_TYPE: &str = "helm.sh/release.v1";
/// Kubernetes refuses a Secret whose values are longer than this together.
pub const SECRET_BYTES_MAX: usize = 1024 * 1024;
/// A release of this size unpacked is refused, so that a hostile record cannot fill the memory.
const RECORD_BYTES_MAX: u64 = 256 * 1024 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Labels that Helm itself sets on the Secret.
const SYSTEM_LABELS: [&str; 6] = ["name", "owner", "status", "version", "createdAt", "modifiedAt"];

#[derive(Debug, Error)]
pub enum EncodeError {
    #[error("could not write release `{name}` revision {revision} as JSON")]
    Json { name: String, revision: u32, source: serde_json::Error },
    #[error("could not compress release `{name}` revision {revision}")]
    Compress { name: String, revision: u32, source: std::io::Error },
    #[error(
        "the record of release `{name}` takes {bytes} bytes, more than the {SECRET_BYTES_MAX} a Secret may hold, even without templates and files"
    )]
    TooLarge { name: String, bytes: usize },
}

#[derive(Debug, Error)]
pub enum DecodeError {
    #[error("secret `{secret}` has no data key `release`")]
    NoRelease { secret: String },
    #[error("secret `{secret}` is not base64")]
    Base64 { secret: String, source: base64::DecodeError },
    #[error("secret `{secret}` could not be unpacked")]
    Unpack { secret: String, source: std::io::Error },
    #[error("secret `{secret}` holds no release record")]
    Json { secret: String, source: serde_json::Error },
}

/// `sh.helm.release.v1.<release>.v<revision>`.
pub fn secret_name(release: &str, revision: u32) -> String {
    format!("sh.helm.release.v1.{release}.v{revision}")
}

/// When a Secret is written: Helm labels the two differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    Create,
    Update,
}

/// Writes a record as the Secret that Helm reads.
///
/// When the record comes near the limit of a Secret, the chart's templates and files are left out:
/// `helm get`, `rollback` and `upgrade` work from the manifest, the hooks and the values.
pub fn to_secret(record: &Record, write: Write, now: Timestamp) -> Result<Value, EncodeError> {
    let encoded = encode_within_limit(record)?;
    let mut labels: BTreeMap<&str, String> = custom_labels(&record.labels).collect();
    let time_key = match write {
        Write::Create => "createdAt",
        Write::Update => "modifiedAt",
    };
    labels.insert(time_key, now.as_second().to_string());
    labels.insert("name", record.name.clone());
    labels.insert("owner", "helm".to_owned());
    labels.insert("status", record.info.status.to_string());
    labels.insert("version", record.revision.to_string());
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret_name(&record.name, record.revision),
            "namespace": record.namespace,
            "labels": labels,
        },
        "type": SECRET_TYPE,
        "data": { "release": STANDARD.encode(encoded) },
    }))
}

/// Reads a record from its Secret, of any Helm since 3.0.
pub fn from_secret(secret: &Value) -> Result<Record, DecodeError> {
    let name = crate::object::name(secret).to_owned();
    let Some(data) = secret["data"]["release"].as_str() else {
        return Err(DecodeError::NoRelease { secret: name });
    };
    let outer = STANDARD
        .decode(data)
        .map_err(|source| DecodeError::Base64 { secret: name.clone(), source })?;
    let mut record = decode(&outer, &name)?;
    record.labels = secret["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !SYSTEM_LABELS.contains(&key.as_str()))
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    Ok(record)
}

/// `base64(gzip(JSON))`, the value before Kubernetes encodes it once more.
fn encode(record: &Record, level: Compression) -> Result<String, EncodeError> {
    let json = serde_json::to_vec(record).map_err(|source| EncodeError::Json {
        name: record.name.clone(),
        revision: record.revision,
        source,
    })?;
    let compress = |source| EncodeError::Compress {
        name: record.name.clone(),
        revision: record.revision,
        source,
    };
    let mut encoder = GzEncoder::new(Vec::with_capacity(json.len() / 4), level);
    encoder.write_all(&json).map_err(compress)?;
    Ok(STANDARD.encode(encoder.finish().map_err(compress)?))
}

fn encode_within_limit(record: &Record) -> Result<String, EncodeError> {
    let whole = encode(record, Compression::default())?;
    if whole.len() <= SECRET_BYTES_MAX {
        return Ok(whole);
    }
    let mut slim = record.clone();
    slim.chart.templates.clear();
    slim.chart.files.clear();
    let encoded = encode(&slim, Compression::best())?;
    if encoded.len() <= SECRET_BYTES_MAX {
        Ok(encoded)
    } else {
        Err(EncodeError::TooLarge { name: record.name.clone(), bytes: encoded.len() })
    }
}

fn decode(data: &[u8], secret: &str) -> Result<Record, DecodeError> {
    let packed = STANDARD
        .decode(data)
        .map_err(|source| DecodeError::Base64 { secret: secret.to_owned(), source })?;
    let json = if packed.starts_with(&GZIP_MAGIC) {
        let mut json = Vec::new();
        MultiGzDecoder::new(packed.as_slice())
            .take(RECORD_BYTES_MAX)
            .read_to_end(&mut json)
            .map_err(|source| DecodeError::Unpack { secret: secret.to_owned(), source })?;
        json
    } else {
        packed
    };
    serde_json::from_slice(&json)
        .map_err(|source| DecodeError::Json { secret: secret.to_owned(), source })
}

fn custom_labels(labels: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, String)> {
    labels
        .iter()
        .map(|(key, value)| (key.as_str(), value.clone()))
        .filter(|(key, _)| !SYSTEM_LABELS.contains(key))
}

#[cfg(test)]
pub(crate) mod tests;
