//! `zarpa chart repo add`: a name for a repository.

use std::io::{IsTerminal as _, Read as _};

use repository::{Repositories, Repository};
use serde_json::json;

use super::{market, repo, repo_update};
use crate::{
    args::{remote::Access, repo::RepoAdd},
    commands::login,
    context::Context,
    failure::Failure,
    output,
};

/// helm's official repositories that are gone, and what they became.
const GONE: [(&str, &str); 2] = [
    ("//kubernetes-charts.storage.googleapis.com", "https://charts.helm.sh/stable"),
    ("//kubernetes-charts-incubator.storage.googleapis.com", "https://charts.helm.sh/incubator"),
];

/// Notes a repository once its index has come; one that is noted already is left alone.
pub(crate) async fn add(context: &Context, args: &RepoAdd) -> Result<(), Failure> {
    let RepoAdd { name, url, .. } = args;
    let gone = GONE.iter().find(|it| url.contains(it.0) && !args.allow_deprecated_repos);
    if let Some((_, new)) = gone {
        let text = format!("repo {url:?} is no longer available; try {new:?} instead");
        return Err(Failure::work(text));
    }
    let path = repo::config(context)?;
    let _lock = repository::lock(&path)?;
    let mut repositories = Repositories::load(&path)?;
    let repository = repository(args)?;
    if name.contains('/') {
        return Err(Failure::work(format!(
            "repository name ({name}) contains '/', please specify a different name without '/'"
        )));
    }
    check_scheme(url)?;
    let known = repositories.named(name).filter(|_| !args.force_update);
    match known {
        Some(known) if *known == repository => {
            return tell(context, args, "already exists with the same configuration, skipping");
        }
        Some(_) => {
            let hint = "replace it: --force-update".to_owned();
            let text =
                format!("repository name ({name}) already exists, please specify a different name");
            return Err(Failure::work(text).with_hint(Some(hint)));
        }
        None => {}
    }
    let market = market::open(context, &Access::default(), &[])?;
    repo_update::refresh(&market, &repository, args.patience.timeout).await?;
    repositories.put(repository);
    repositories.save(&path)?;
    tell(context, args, "has been added to your repositories")
}

fn tell(context: &Context, args: &RepoAdd, text: &str) -> Result<(), Failure> {
    let RepoAdd { name, url, .. } = args;
    if context.is_json {
        return output::json(&json!({ "name": name, "url": url }));
    }
    output::line(&format!("{name:?} {text}"))
}

/// What is to be noted, the password asked for when only a name is given.
fn repository(args: &RepoAdd) -> Result<Repository, Failure> {
    let mut password = args.password.clone();
    if !args.username.is_empty() && password.is_empty() {
        password = ask(args.password_stdin)?;
    }
    let given = &args.certificates;
    Ok(Repository {
        name: args.name.clone(),
        url: args.url.clone(),
        username: args.username.clone(),
        password,
        cert_file: given.cert_file.clone(),
        key_file: given.key_file.clone(),
        ca_file: given.ca_file.clone(),
        believes_all: given.insecure_skip_tls_verify,
        passes_login_on: args.pass_credentials,
    })
}

fn ask(from_stdin: bool) -> Result<String, Failure> {
    if from_stdin {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text)?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        return Ok(text.strip_suffix('\r').unwrap_or(text).to_owned());
    }
    if !std::io::stdin().is_terminal() {
        let hint = "pipe it in: --password-stdin < FILE".to_owned();
        return Err(
            Failure::usage("there is no terminal to ask for a password on").with_hint(Some(hint))
        );
    }
    login::read_line("Password: ", false)
}

/// Repositories are served by http and https alone.
fn check_scheme(url: &str) -> Result<(), Failure> {
    let scheme = url.split_once(':').map_or("", |it| it.0);
    match scheme {
        "http" | "https" => Ok(()),
        "oci" => {
            let hint = format!("charts in registries need no name: zarpa chart pull {url}/CHART");
            let text = format!(
                "looks like {url:?} is not a valid chart repository or cannot be reached: registries have no index"
            );
            Err(Failure::work(text).with_hint(Some(hint)))
        }
        _ => {
            let hint = "an address begins with https:// or http://".to_owned();
            let text = format!("could not find protocol handler for: {scheme}");
            Err(Failure::work(text).with_hint(Some(hint)))
        }
    }
}
