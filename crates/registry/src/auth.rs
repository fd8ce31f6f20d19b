//! Proof of identity: basic, or a bearer token fetched from where the registry says.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, Request, header};
use serde::Deserialize;

use crate::{
    Login, RegistryError,
    challenge::Challenge,
    transport::{Payload, Transport, read_body},
};

const TOKEN_BYTES_MAX: usize = 1024 * 1024;

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

/// Returns the `Authorization` header that answers a challenge; `None` when there is no login for `Basic`.
pub(crate) async fn answer(
    transport: &Transport,
    registry: &str,
    challenge: &Challenge,
    scope: &str,
    login: Option<&Login>,
) -> Result<Option<HeaderValue>, RegistryError> {
    match challenge {
        Challenge::Basic => Ok(login.map(basic)),
        Challenge::Bearer { realm, service, .. } => {
            let token = fetch_token(transport, registry, (realm, service, scope), login).await?;
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| nonsense(registry, "the token has characters no header may have"))?;
            value.set_sensitive(true);
            Ok(Some(value))
        }
    }
}

pub(crate) fn basic(login: &Login) -> HeaderValue {
    let text = STANDARD.encode(format!("{}:{}", login.username, login.password));
    let mut value = HeaderValue::from_str(&format!("Basic {text}"))
        .expect("base64 has no character that a header may not have");
    value.set_sensitive(true);
    value
}

async fn fetch_token(
    transport: &Transport,
    registry: &str,
    (realm, service, scope): (&str, &str, &str),
    login: Option<&Login>,
) -> Result<String, RegistryError> {
    let separator = if realm.contains('?') { '&' } else { '?' };
    let mut url = format!("{realm}{separator}service={}", encode(service));
    if !scope.is_empty() {
        url.push_str("&scope=");
        url.push_str(&encode(scope));
    }
    let mut request = Request::get(&url);
    if let Some(login) = login {
        request = request.header(header::AUTHORIZATION, basic(login));
    }
    let request = request.body(()).map_err(|it| nonsense(registry, &it.to_string()))?;
    let response = transport.send(registry, &request, &Payload::Empty).await?;
    if !response.status().is_success() {
        return Err(RegistryError::Unauthorized {
            registry: registry.to_owned(),
            doing: if scope.is_empty() {
                format!("get a token ({})", response.status())
            } else {
                format!("get a token for {scope} ({})", response.status())
            },
        });
    }
    let bytes = read_body(response, TOKEN_BYTES_MAX)
        .await
        .map_err(|source| RegistryError::Connect { registry: registry.to_owned(), source })?;
    let answer: TokenAnswer =
        serde_json::from_slice(&bytes).map_err(|it| nonsense(registry, &it.to_string()))?;
    let token = answer.token.or(answer.access_token);
    token.ok_or_else(|| nonsense(registry, "the answer has no token"))
}

fn nonsense(registry: &str, message: &str) -> RegistryError {
    RegistryError::Answer {
        registry: registry.to_owned(),
        doing: "get a token".to_owned(),
        message: message.to_owned(),
    }
}

/// Percent-encodes what a query's value may not hold.
pub(crate) fn encode(text: &str) -> String {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~/".contains(&it);
    let byte = |it: u8| {
        if is_plain(it) { char::from(it).to_string() } else { format!("%{it:02X}") }
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_encoded_for_a_query() {
        assert_eq!(encode("repository:a/b:pull,push"), "repository%3Aa/b%3Apull%2Cpush");
    }
}
