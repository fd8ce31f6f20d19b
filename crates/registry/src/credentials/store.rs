//! A login kept where docker keeps it: by a helper when the configuration names one, else in `config.json`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{Config, CredentialsError, Login, helper, server};

/// Where a login was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// In the configuration itself, in plain base64: the new text of the file.
    File(String),
    /// By the helper of this name.
    Helper(String),
}

/// Keeps a login for a registry, given the text of docker's configuration (empty when there is none).
///
/// Writes no file: who calls writes the text that comes back. What else the configuration says stays.
pub async fn keep(text: &str, registry: &str, login: &Login) -> Result<Kept, CredentialsError> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    let config: Config = serde_json::from_str(text).map_err(CredentialsError::Config)?;
    let server = server(registry);
    if let Some(name) = config.helper(registry).or(config.creds_store.as_ref()) {
        helper::store(name, server, login).await?;
        return Ok(Kept::Helper(name.clone()));
    }
    let mut document: Map<String, Value> =
        serde_json::from_str(text).map_err(CredentialsError::Config)?;
    let auth = STANDARD.encode(format!("{}:{}", login.username, login.password));
    document.entry("auths").or_insert(Value::Null)[server] = json!({ "auth": auth });
    let mut text = serde_json::to_string_pretty(&document).map_err(CredentialsError::Config)?;
    text.push('\n');
    Ok(Kept::File(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        Login { username: "me".to_owned(), password: "pw".to_owned() }
    }

    async fn kept(text: &str, registry: &str) -> Value {
        match keep(text, registry, &login()).await.unwrap() {
            Kept::File(text) => serde_json::from_str(&text).unwrap(),
            Kept::Helper(name) => panic!("kept by {name}"),
        }
    }

    #[tokio::test]
    async fn a_login_is_added_and_the_rest_stays() {
        let text = r#"{"auths":{"a.io":{"auth":"x"}},"currentContext":"desktop"}"#;
        let document = kept(text, "r.io:5000").await;
        assert_eq!(document["auths"]["a.io"]["auth"], "x");
        assert_eq!(document["auths"]["r.io:5000"]["auth"], "bWU6cHc=");
        assert_eq!(document["currentContext"], "desktop");
        let document = kept("", "docker.io").await;
        assert_eq!(document["auths"]["https://index.docker.io/v1/"]["auth"], "bWU6cHc=");
    }

    #[tokio::test]
    async fn a_helper_that_is_named_is_asked_and_a_damaged_file_is_left_alone() {
        let text = r#"{"credsStore":"nowhere"}"#;
        let error = keep(text, "r.io", &login()).await.unwrap_err();
        assert!(error.to_string().contains("docker-credential-nowhere"), "{error}");
        assert!(matches!(keep("{", "r.io", &login()).await, Err(CredentialsError::Config(_))));
        assert!(matches!(keep("[]", "r.io", &login()).await, Err(CredentialsError::Config(_))));
    }
}
