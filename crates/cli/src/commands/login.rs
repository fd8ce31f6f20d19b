//! `zarpa login`: a registry's credentials, kept where docker keeps them.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};

use host::files;
use registry::{Client, Credentials, Kept, Login, Options};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde_json::json;

use super::plain;
use crate::{args::remote, context::Context, failure::Failure, output};

/// Checks a login with its registry, then keeps it.
pub(crate) async fn login(context: &Context, args: &remote::Login) -> Result<(), Failure> {
    let registry = registry_of(&args.registry)?;
    let path = context.docker_config.as_ref();
    let path = path.ok_or_else(|| Failure::usage("HOME does not say where docker's files are"))?;
    let text = match files::read_text(path) {
        Err(error) if error.is_not_found() => String::new(),
        read => read?,
    };
    let login = ask(args)?;
    let options = Options {
        credentials: Credentials::of(registry, &login),
        plain_http: plain::known(context)?,
        is_plain_http_everywhere: args.plain_http,
        ..Options::default()
    };
    let was_asked = Client::new(options)?.check_login(registry).await.map_err(|error| {
        let hint = matches!(error, registry::RegistryError::Unauthorized { .. })
            .then(|| "name or password are wrong; nothing was stored".to_owned());
        Failure::from(error).with_hint(hint)
    })?;
    let kept = registry::keep(&text, registry, &login).await?;
    let place = match &kept {
        Kept::File(text) => {
            files::write_private(path, text.as_bytes())?;
            path.display().to_string()
        }
        Kept::Helper(name) => format!("docker-credential-{name}"),
    };
    if context.is_json {
        let document = json!({"registry": registry, "kept": place, "checked": was_asked});
        return output::json(&document);
    }
    if !was_asked {
        output::line(&format!("{registry} asks nobody for a login: this one is not checked"))?;
    }
    output::line(&format!("Login Succeeded: kept in {place}"))
}

/// The registry alone: no scheme, no path.
fn registry_of(given: &str) -> Result<&str, Failure> {
    let bare = ["https://", "http://", "oci://"].iter().find_map(|it| given.strip_prefix(it));
    let bare = bare.unwrap_or(given).trim_end_matches('/');
    match bare.split_once('/') {
        None if bare.is_empty() => Err(Failure::usage("which registry?")),
        None => Ok(bare),
        Some((host, _)) => Err(Failure::usage(format!("`{given}` is more than a registry"))
            .with_hint(Some(format!("logins are for hosts: zarpa login {host}")))),
    }
}

fn ask(args: &remote::Login) -> Result<Login, Failure> {
    if args.password_stdin {
        let username = args.username.clone().ok_or_else(|| {
            Failure::usage("--password-stdin leaves no way to ask for a name")
                .with_hint(Some("add it: --username NAME".to_owned()))
        })?;
        let mut password = String::new();
        std::io::stdin().lock().read_to_string(&mut password)?;
        let password = password.trim_end_matches(['\n', '\r']).to_owned();
        return complete(username, password);
    }
    if !std::io::stdin().is_terminal() {
        let hint = "pipe it in: zarpa login --username NAME --password-stdin REGISTRY < FILE";
        return Err(Failure::usage("there is no terminal to ask for a password on")
            .with_hint(Some(hint.to_owned())));
    }
    let username = match &args.username {
        Some(username) => username.clone(),
        None => read_line("Username: ", true)?,
    };
    complete(username, read_line("Password: ", false)?)
}

fn complete(username: String, password: String) -> Result<Login, Failure> {
    if username.is_empty() {
        return Err(Failure::usage("the name is empty"));
    }
    if username.contains(':') {
        return Err(Failure::usage("a name with a colon cannot be told from its password"));
    }
    if password.is_empty() {
        return Err(Failure::usage("the password is empty"));
    }
    Ok(Login { username, password })
}

/// Asks on the terminal; what is not shown is not echoed either.
pub(crate) fn read_line(question: &str, is_shown: bool) -> Result<String, Failure> {
    let stdin = std::io::stdin();
    let mut stderr = std::io::stderr();
    write!(stderr, "{question}").and_then(|()| stderr.flush())?;
    let before = tcgetattr(&stdin)?;
    if !is_shown {
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    }
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    if !is_shown {
        tcsetattr(&stdin, OptionalActions::Flush, &before)?;
        writeln!(stderr)?;
    }
    read?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_for_a_host() {
        let of = |text| registry_of(text).map_err(|it| it.to_string());
        assert_eq!(of("ghcr.io").as_deref(), Ok("ghcr.io"));
        assert_eq!(of("https://localhost:5000/").as_deref(), Ok("localhost:5000"));
        assert_eq!(of("ghcr.io/me").unwrap_err(), "`ghcr.io/me` is more than a registry");
        assert!(of("oci://").is_err());
    }

    #[test]
    fn a_login_has_a_name_and_a_password() {
        let of = |name: &str, password: &str| complete(name.to_owned(), password.to_owned());
        assert!(of("me", "pw").is_ok());
        for (name, password) in [("", "pw"), ("me", ""), ("a:b", "pw")] {
            assert!(of(name, password).is_err(), "{name} {password}");
        }
    }
}
