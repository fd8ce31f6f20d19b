//! What pods read of the API: ConfigMaps, Secrets, claims with their volumes, tokens.

use std::collections::BTreeMap;

use futures_util::future::{join_all, try_join_all};
use k8s_openapi::{
    ByteString,
    api::{
        authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec},
        core::v1::{
            ConfigMap, PersistentVolume, PersistentVolumeClaim, Pod, Secret, ServiceAccount,
        },
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{Api, Client, api::PostParams, core::NamespaceResourceScope};
use registry::Credentials;
use serde::de::DeserializeOwned;

use crate::{
    environment::Sources,
    text::chain,
    volume::{Needs, TokenNeed},
};

/// What could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("failed to fetch {kind} \"{name}\": {}", chain(cause))]
    Read { kind: &'static str, name: String, cause: Box<kube::Error> },
    #[error("failed to fetch token for service account \"{account}\": {}", chain(cause))]
    Token { account: String, cause: Box<kube::Error> },
    #[error("{kind} \"{name}\" not found")]
    Missing { kind: &'static str, name: String },
    #[error("persistentvolumeclaim \"{0}\" is not bound")]
    Unbound(String),
}

/// Reads the ConfigMaps and Secrets that a pod names, all at once; those that are missing are left out.
pub(crate) async fn sources(
    client: &Client,
    namespace: &str,
    needs: &Needs,
) -> Result<Sources, ReadError> {
    let config_maps = by_name::<ConfigMap>(client, namespace, "configmap", &needs.config_maps);
    let secrets = by_name::<Secret>(client, namespace, "secret", &needs.secrets);
    let (config_maps, secrets) = tokio::try_join!(config_maps, secrets)?;
    Ok(Sources { config_maps, secrets })
}

async fn by_name<K>(
    client: &Client,
    namespace: &str,
    kind: &'static str,
    names: &[String],
) -> Result<BTreeMap<String, K>, ReadError>
where
    K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let read = async |name: &String| {
        let found = api.get_opt(name).await.map_err(|cause| ReadError::Read {
            kind,
            name: name.clone(),
            cause: Box::new(cause),
        })?;
        Ok(found.map(|it| (name.clone(), it)))
    };
    let found = try_join_all(names.iter().map(read)).await?;
    Ok(found.into_iter().flatten().collect())
}

/// A service account token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) expires_at: jiff::Timestamp,
}

/// Asks for the tokens that a pod is to be given, bound to the pod.
pub(crate) async fn tokens(
    client: &Client,
    pod: &Pod,
    needs: &[TokenNeed],
) -> Result<BTreeMap<TokenNeed, Token>, ReadError> {
    let metadata = &pod.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let spec = pod.spec.as_ref();
    let account = spec.and_then(|it| it.service_account_name.as_deref()).unwrap_or("default");
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let ask = async |need: &TokenNeed| {
        let request = TokenRequest {
            metadata: ObjectMeta::default(),
            spec: TokenRequestSpec {
                audiences: need.audience.iter().cloned().collect(),
                bound_object_ref: Some(BoundObjectReference {
                    api_version: Some("v1".to_owned()),
                    kind: Some("Pod".to_owned()),
                    name: metadata.name.clone(),
                    uid: metadata.uid.clone(),
                }),
                expiration_seconds: Some(need.expiration_s),
            },
            status: None,
        };
        let answer = api.create_token_request(account, &PostParams::default(), &request).await;
        let answer = answer.map_err(|cause| ReadError::Token {
            account: account.to_owned(),
            cause: Box::new(cause),
        })?;
        let status = answer.status.ok_or_else(|| ReadError::Missing {
            kind: "token of service account",
            name: account.to_owned(),
        })?;
        let token = Token { text: status.token, expires_at: status.expiration_timestamp.0 };
        Ok((need.clone(), token))
    };
    Ok(try_join_all(needs.iter().map(ask)).await?.into_iter().collect())
}

/// Reads a claim's volume.
pub(crate) async fn volume_of_claim(
    client: &Client,
    namespace: &str,
    claim: &str,
) -> Result<PersistentVolume, ReadError> {
    let read = |kind, name: &str| {
        let name = name.to_owned();
        move |cause| ReadError::Read { kind, name, cause: Box::new(cause) }
    };
    let kind = "persistentvolumeclaim";
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    let found = claims.get_opt(claim).await.map_err(read(kind, claim))?;
    let found = found.ok_or_else(|| ReadError::Missing { kind, name: claim.to_owned() })?;
    let is_bound = found.status.as_ref().is_some_and(|it| it.phase.as_deref() == Some("Bound"));
    let name = found.spec.and_then(|it| it.volume_name).filter(|_| is_bound);
    let name = name.ok_or_else(|| ReadError::Unbound(claim.to_owned()))?;
    let kind = "persistentvolume";
    let volumes: Api<PersistentVolume> = Api::all(client.clone());
    let volume = volumes.get_opt(&name).await.map_err(read(kind, &name))?;
    volume.ok_or(ReadError::Missing { kind, name })
}

/// Reads what a pod's image pull secrets say; names the secrets that say nothing.
pub(crate) async fn pull_credentials(
    client: &Client,
    namespace: &str,
    secrets: &[String],
) -> (Credentials, Vec<String>) {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let found = join_all(secrets.iter().map(|name| api.get_opt(name))).await;
    let mut credentials = Credentials::default();
    let mut useless = Vec::new();
    for (name, found) in secrets.iter().zip(found) {
        let data = found.ok().flatten().and_then(|it| it.data);
        match data.as_ref().and_then(credentials_of) {
            Some(parsed) => credentials.extend(parsed),
            None => useless.push(name.clone()),
        }
    }
    (credentials, useless)
}

/// Source: Kubernetes 1.34, `pkg/credentialprovider/secrets`: either type of secret, the newer one first.
fn credentials_of(data: &BTreeMap<String, ByteString>) -> Option<Credentials> {
    let new = data.get(".dockerconfigjson").map(|it| Credentials::parse_secret(&it.0));
    let old = || data.get(".dockercfg").map(|it| Credentials::parse_old_secret(&it.0));
    new.or_else(old)?.ok()
}
