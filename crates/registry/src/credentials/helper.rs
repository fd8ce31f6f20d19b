//! Credential helpers: programs named `docker-credential-…` that keep logins elsewhere.

use std::{io, process::Stdio};

use serde::Deserialize;
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::{CredentialsError, Login};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks a helper for the login of a server; `None` when it has none.
///
/// Source: docker-credential-helpers, "Development": `get` reads the server's name and prints JSON.
pub(super) async fn get(name: &str, server: &str) -> Result<Option<Login>, CredentialsError> {
    let ran = run(name, "get", server.as_bytes()).await?;
    if !ran.is_good {
        if ran.text.contains("credentials not found") {
            return Ok(None);
        }
        return Err(failed(name, &ran.text));
    }
    let answer: Answer =
        serde_json::from_str(&ran.text).map_err(|it| failed(name, &it.to_string()))?;
    Ok(Some(Login { username: answer.username, password: answer.secret }))
}

/// Lets a helper keep a login.
pub(super) async fn store(name: &str, server: &str, login: &Login) -> Result<(), CredentialsError> {
    let document = serde_json::json!({
        "ServerURL": server, "Username": login.username, "Secret": login.password,
    });
    let ran = run(name, "store", document.to_string().as_bytes()).await?;
    if ran.is_good { Ok(()) } else { Err(failed(name, &ran.text)) }
}

struct Ran {
    is_good: bool,
    text: String,
}

async fn run(name: &str, verb: &str, input: &[u8]) -> Result<Ran, CredentialsError> {
    let helper = program(name);
    let failed = |source| CredentialsError::Helper { helper: helper.clone(), source };
    let mut child = Command::new(&helper)
        .arg(verb)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(input).await {
            // A helper that ends without reading says why by its exit code.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(failed(error)),
            _ => {}
        }
    }
    let output = child.wait_with_output().await.map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(Ran { is_good: output.status.success(), text })
}

fn program(name: &str) -> String {
    format!("docker-credential-{name}")
}

fn failed(name: &str, message: &str) -> CredentialsError {
    CredentialsError::HelperFailed { helper: program(name), message: message.to_owned() }
}
