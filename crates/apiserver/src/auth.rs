//! Who a request comes from.

use http::{HeaderMap, header};
use jiff::Timestamp;
use kobject::meta;
use serde_json::{Value, json};

use crate::{
    api::{Api, core_key},
    error::ApiError,
    token::Claims,
};

/// An authenticated user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub user: String,
    pub uid: String,
    pub groups: Vec<String>,
    /// `authentication.kubernetes.io/pod-name` and the like.
    pub extra: Vec<(String, String)>,
}

/// The group that may do everything.
pub(crate) const MASTERS: &str = "system:masters";

const AUTHENTICATED: &str = "system:authenticated";

impl Identity {
    pub fn new(user: &str, groups: &[&str]) -> Self {
        let mut groups: Vec<String> = groups.iter().map(|it| (*it).to_owned()).collect();
        groups.push(AUTHENTICATED.to_owned());
        Self { user: user.to_owned(), uid: String::new(), groups, extra: Vec::new() }
    }

    /// A part of the cluster that talks to the API server in its own process.
    pub fn component(name: &str) -> Self {
        Self::new(name, &[MASTERS])
    }

    pub(crate) fn anonymous() -> Self {
        Self {
            user: "system:anonymous".to_owned(),
            uid: String::new(),
            groups: vec!["system:unauthenticated".to_owned()],
            extra: Vec::new(),
        }
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        !self.groups.iter().any(|it| it == AUTHENTICATED)
    }

    /// The `userInfo` of reviews.
    pub(crate) fn user_info(&self) -> Value {
        let mut info = json!({ "username": self.user, "groups": self.groups });
        if !self.uid.is_empty() {
            info["uid"] = self.uid.as_str().into();
        }
        for (name, value) in &self.extra {
            info["extra"][name] = json!([value]);
        }
        info
    }
}

/// Finds who a request over the network comes from: its token, else its client certificate, else nobody.
pub(crate) fn authenticate(
    api: &Api,
    headers: &HeaderMap,
    certificate: Option<&Identity>,
    now: Timestamp,
) -> Result<Identity, ApiError> {
    let identity = match bearer(headers) {
        Some(token) => from_token(api, token, now).ok_or(ApiError::Unauthorized)?,
        None => certificate.cloned().unwrap_or_else(Identity::anonymous),
    };
    impersonate(identity, headers)
}

/// Lets a master act as somebody else: `kubectl --as`.
fn impersonate(identity: Identity, headers: &HeaderMap) -> Result<Identity, ApiError> {
    let values = |name: &str| -> Vec<&str> {
        headers.get_all(name).iter().filter_map(|it| it.to_str().ok()).collect()
    };
    let (users, groups) = (values("impersonate-user"), values("impersonate-group"));
    match users.first() {
        None if groups.is_empty() => Ok(identity),
        Some(user) if identity.groups.iter().any(|it| it == MASTERS) => {
            Ok(Identity::new(user, &groups))
        }
        user => Err(ApiError::ForbiddenImpersonation {
            user: identity.user,
            other: user.map_or_else(String::new, |it| (*it).to_owned()),
        }),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The service account of a token that this server signed and whose account (and pod) still exist.
pub(crate) fn from_token(api: &Api, token: &str, now: Timestamp) -> Option<Identity> {
    let claims = api.config.token_key.verify(token, now)?;
    let account = &claims.account;
    let exists = |plural: &str, name: &str, uid: &str| {
        let entry = api.store.get(&core_key(plural, &claims.namespace, name));
        entry.is_some_and(|it| meta::uid(&it.object()) == uid)
    };
    if !exists("serviceaccounts", &account.name, &account.uid) {
        return None;
    }
    if let Some(pod) = &claims.pod
        && !exists("pods", &pod.name, &pod.uid)
    {
        return None;
    }
    Some(of_claims(&claims))
}

fn of_claims(claims: &Claims) -> Identity {
    let Claims { namespace, account, pod, .. } = claims;
    let mut identity = Identity::new(
        &format!("system:serviceaccount:{namespace}:{}", account.name),
        &["system:serviceaccounts", &format!("system:serviceaccounts:{namespace}")],
    );
    identity.uid = account.uid.clone();
    if let Some(pod) = pod {
        let extra = |name: &str, value: &str| {
            (format!("authentication.kubernetes.io/{name}"), value.to_owned())
        };
        identity.extra = vec![extra("pod-name", &pod.name), extra("pod-uid", &pod.uid)];
    }
    identity
}
