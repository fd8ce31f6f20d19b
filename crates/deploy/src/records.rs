//! Reads and writes the records of a release in its namespace.

use thiserror::Error;

use release::{
    History, Owner, Record,
    codec::{self, DecodeError, EncodeError, Write, secret_name},
};
use serde_json::{Value, json};

use crate::{
    api::{self, ApiError, Detail, Select},
    cluster::Cluster,
    machine,
};

#[derive(Debug, Error)]
pub enum RecordError {
    #[error("could not {step} of release `{release}`")]
    Api { step: &'static str, release: String, source: ApiError },
    #[error("could not read revision {revision} of release `{release}`")]
    Decode { release: String, revision: u32, source: DecodeError },
    #[error("could not write revision {revision} of release `{release}`")]
    Encode { release: String, revision: u32, source: EncodeError },
    #[error("release `{release}` has no revision {revision}")]
    NoRevision { release: String, revision: u32 },
    #[error("release `{release}` does not exist in namespace `{namespace}`")]
    NoRelease { release: String, namespace: String },
    #[error(
        "revision {revision} of release `{release}` was written by somebody else at the same time"
    )]
    Taken { release: String, revision: u32 },
}

/// The records of one release.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Records<'a> {
    cluster: &'a Cluster,
    owner: &'a Owner,
}

impl<'a> Records<'a> {
    pub(crate) fn of(cluster: &'a Cluster, owner: &'a Owner) -> Self {
        Self { cluster, owner }
    }

    /// The revisions, by one list of metadata alone.
    pub(crate) async fn history(self) -> Result<History, RecordError> {
        let select = Select::labels(format!("owner=helm,name={}", self.owner.name));
        let collection = self.collection().await?;
        let listed = api::list(self.cluster.client(), &collection, &select, Detail::Metadata).await;
        Ok(History::from_secrets(
            &listed.map_err(|it| self.failed("list the revisions", it))?.items,
        ))
    }

    pub(crate) async fn load(self, revision: u32) -> Result<Record, RecordError> {
        let path = self.path(revision).await?;
        let found = api::find(self.cluster.client(), &path).await;
        let Some(secret) = found.map_err(|it| self.failed("read a revision", it))? else {
            return Err(RecordError::NoRevision { release: self.owner.name.clone(), revision });
        };
        codec::from_secret(&secret).map_err(|source| RecordError::Decode {
            release: self.owner.name.clone(),
            revision,
            source,
        })
    }

    /// Loads the deployed revision, or the last one when none is.
    pub(crate) async fn current(self) -> Result<Record, RecordError> {
        let history = self.history().await?;
        let Some(entry) = history.deployed().or_else(|| history.last()) else {
            return Err(RecordError::NoRelease {
                release: self.owner.name.clone(),
                namespace: self.owner.namespace.clone(),
            });
        };
        self.load(entry.revision).await
    }

    /// Loads every revision, oldest first; what cannot be read is an error.
    pub(crate) async fn load_all(self) -> Result<Vec<Record>, RecordError> {
        let mut records = Vec::new();
        for entry in self.history().await?.entries {
            records.push(self.load(entry.revision).await?);
        }
        Ok(records)
    }

    /// Creates a record; that it is there already means that somebody else deploys the release.
    pub(crate) async fn create(self, record: &Record) -> Result<(), RecordError> {
        let secret = self.secret(record, Write::Create)?;
        let collection = self.collection().await?;
        match api::create(self.cluster.client(), &collection, &secret).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_already_there() => Err(RecordError::Taken {
                release: self.owner.name.clone(),
                revision: record.revision,
            }),
            Err(error) => Err(self.failed("create a revision", error)),
        }
    }

    /// Writes a record over, as Helm does without regard to others.
    pub(crate) async fn update(self, record: &Record) -> Result<(), RecordError> {
        let secret = self.secret(record, Write::Update)?;
        let path = self.path(record.revision).await?;
        let updated = api::update(self.cluster.client(), &path, &secret).await;
        updated.map(drop).map_err(|it| self.failed("update a revision", it))
    }

    pub(crate) async fn delete(self, revision: u32) -> Result<(), RecordError> {
        let path = self.path(revision).await?;
        let deleted = api::delete(self.cluster.client(), &path).await;
        deleted.map(drop).map_err(|it| self.failed("delete a revision", it))
    }

    fn secret(self, record: &Record, write: Write) -> Result<Value, RecordError> {
        codec::to_secret(record, write, machine::now()).map_err(|source| RecordError::Encode {
            release: self.owner.name.clone(),
            revision: record.revision,
            source,
        })
    }

    async fn collection(self) -> Result<String, RecordError> {
        let collection = self.cluster.collection(&self.reference(0)).await;
        collection.map_err(|it| self.failed("find the revisions", it))
    }

    async fn path(self, revision: u32) -> Result<String, RecordError> {
        let path = self.cluster.path(&self.reference(revision)).await;
        path.map_err(|it| self.failed("find a revision", it))
    }

    fn reference(self, revision: u32) -> Value {
        let name = secret_name(&self.owner.name, revision);
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": self.owner.namespace } })
    }

    fn failed(self, step: &'static str, source: ApiError) -> RecordError {
        RecordError::Api { step, release: self.owner.name.clone(), source }
    }
}
