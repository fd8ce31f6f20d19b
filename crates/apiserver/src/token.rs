//! The tokens of service accounts: JWTs signed with ECDSA P-256 (ES256).

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        UnparsedPublicKey,
    },
};
use serde_json::{Value, json};

/// The issuer and default audience of tokens.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// The key that signs tokens; cloning shares it.
#[derive(Clone)]
pub struct TokenKey {
    pair: Arc<EcdsaKeyPair>,
    /// Names the key in tokens and in the published key set.
    id: String,
}

/// Why a key could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenKeyError {
    #[error("the key for service account tokens is no PKCS#8 P-256 key: {reason}")]
    Rejected { reason: String },
    #[error("could not generate a key for service account tokens")]
    Generate,
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TokenKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) namespace: String,
    pub(crate) account: Bound,
    /// The pod that the token was made for.
    pub(crate) pod: Option<Bound>,
    pub(crate) audiences: Vec<String>,
    pub(crate) issued_at: i64,
    pub(crate) expires_at: i64,
}

/// An object that a token stands and falls with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) name: String,
    pub(crate) uid: String,
}

impl TokenKey {
    /// Makes a new key and its PKCS#8 document, to be kept for the next start.
    pub fn generate() -> Result<(Self, Vec<u8>), TokenKeyError> {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map_err(|_| TokenKeyError::Generate)?;
        let document = document.as_ref().to_vec();
        Self::from_pkcs8(&document).map(|key| (key, document))
    }

    /// Reads a key from its PKCS#8 document.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self, TokenKeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            document,
            &SystemRandom::new(),
        )
        .map_err(|error| TokenKeyError::Rejected { reason: error.to_string() })?;
        let digest = ring::digest::digest(&ring::digest::SHA256, pair.public_key().as_ref());
        Ok(Self { pair: Arc::new(pair), id: URL_SAFE_NO_PAD.encode(digest.as_ref()) })
    }

    pub(crate) fn sign(&self, claims: &Claims, id: &str) -> String {
        let header = json!({ "alg": "ES256", "kid": self.id });
        let signed = format!("{}.{}", encode(&header), encode(&to_json(claims, id)));
        let signature = self
            .pair
            .sign(&SystemRandom::new(), signed.as_bytes())
            .expect("signing only needs randomness");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// The claims of a token that this key signed and that holds now.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        let (_, payload) = signed.split_once('.')?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let claims = from_json(&serde_json::from_slice(&payload).ok()?)?;
        let holds = claims.issued_at <= now.as_second() + 1 && now.as_second() < claims.expires_at;
        (holds && claims.audiences.iter().any(|it| it == ISSUER)).then_some(claims)
    }

    /// The published key set. Source: RFC 7517, RFC 7518 section 6.2.
    pub(crate) fn key_set(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        // An uncompressed point: 4, then both coordinates.
        let (x, y) = point[1..].split_at((point.len() - 1) / 2);
        json!({ "keys": [{
            "use": "sig", "kty": "EC", "kid": self.id, "crv": "P-256", "alg": "ES256",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }] })
    }
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn to_json(claims: &Claims, id: &str) -> Value {
    let Claims { namespace, account, pod, audiences, issued_at, expires_at } = claims;
    let bound = |it: &Bound| json!({ "name": it.name, "uid": it.uid });
    let mut kubernetes = json!({ "namespace": namespace, "serviceaccount": bound(account) });
    if let Some(pod) = pod {
        kubernetes["pod"] = bound(pod);
    }
    json!({
        "aud": audiences,
        "exp": expires_at,
        "iat": issued_at,
        "nbf": issued_at,
        "iss": ISSUER,
        "jti": id,
        "kubernetes.io": kubernetes,
        "sub": format!("system:serviceaccount:{namespace}:{}", account.name),
    })
}

fn from_json(payload: &Value) -> Option<Claims> {
    let kubernetes = &payload["kubernetes.io"];
    let bound = |it: &Value| {
        Some(Bound { name: it["name"].as_str()?.to_owned(), uid: it["uid"].as_str()?.to_owned() })
    };
    let audiences = payload["aud"].as_array()?.iter().filter_map(Value::as_str);
    Some(Claims {
        namespace: kubernetes["namespace"].as_str()?.to_owned(),
        account: bound(&kubernetes["serviceaccount"])?,
        pod: bound(&kubernetes["pod"]),
        audiences: audiences.map(str::to_owned).collect(),
        issued_at: payload["iat"].as_i64()?,
        expires_at: payload["exp"].as_i64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            namespace: "dev".to_owned(),
            account: Bound { name: "default".to_owned(), uid: "u1".to_owned() },
            pod: Some(Bound { name: "web".to_owned(), uid: "u2".to_owned() }),
            audiences: vec![ISSUER.to_owned()],
            issued_at: 1000,
            expires_at: 2000,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_holds_between_its_times() {
        let (key, document) = TokenKey::generate().unwrap();
        let token = key.sign(&claims(), "id");
        let again = TokenKey::from_pkcs8(&document).unwrap();
        assert_eq!(again.verify(&token, at(1500)), Some(claims()));
        assert_eq!(again.verify(&token, at(2000)), None);
        assert_eq!(again.verify(&token, at(900)), None);
    }

    #[test]
    fn a_token_of_another_key_or_audience_is_refused() {
        let (key, _) = TokenKey::generate().unwrap();
        let (other, _) = TokenKey::generate().unwrap();
        assert_eq!(other.verify(&key.sign(&claims(), "id"), at(1500)), None);
        let elsewhere = Claims { audiences: vec!["vault".to_owned()], ..claims() };
        assert_eq!(key.verify(&key.sign(&elsewhere, "id"), at(1500)), None);
        assert_eq!(key.verify("a.b.c", at(1500)), None);
    }
}
