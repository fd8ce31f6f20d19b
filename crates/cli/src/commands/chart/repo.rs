//! `zarpa chart repo`: the repositories that helm and zarpa know by name.

use std::{io::Write as _, path::PathBuf};

use repository::{Repositories, Repository};
use serde_json::json;

use super::{market, repo_add, repo_index, repo_update};
use crate::{
    args::repo::{RepoList, RepoRemove, RepoSubcommand},
    commands::block_on,
    context::Context,
    failure::Failure,
    output,
};

pub(crate) fn run(context: &Context, command: &RepoSubcommand) -> Result<(), Failure> {
    match command {
        RepoSubcommand::Add(it) => block_on(repo_add::add(context, it)),
        RepoSubcommand::List(it) => list(context, it),
        RepoSubcommand::Update(it) => block_on(repo_update::update(context, it)),
        RepoSubcommand::Remove(it) => remove(context, it),
        RepoSubcommand::Index(it) => repo_index::index(context, it),
    }
}

/// Where the list of repositories lies.
pub(crate) fn config(context: &Context) -> Result<PathBuf, Failure> {
    let path = context.helm.repositories.as_ref().ok_or_else(|| {
        Failure::usage(
            "neither HELM_REPOSITORY_CONFIG nor HOME says where the list of repositories is",
        )
    })?;
    Ok(context.path(path))
}

/// A list that cannot be read is none, as in helm.
fn list(context: &Context, args: &RepoList) -> Result<(), Failure> {
    let repositories = Repositories::load(&config(context)?).unwrap_or_default();
    let shown = repositories.all();
    if context.is_json {
        let item = |it: &Repository| json!({ "name": it.name, "url": it.url });
        return output::json(&shown.iter().map(item).collect::<Vec<_>>());
    }
    if shown.is_empty() {
        writeln!(std::io::stderr().lock(), "no repositories to show")?;
        return Ok(());
    }
    let header = (!args.no_headers).then_some(("NAME", "URL"));
    let rows: Vec<(&str, &str)> =
        header.into_iter().chain(shown.iter().map(|it| (&*it.name, &*it.url))).collect();
    let n_chars = |text: &str| text.chars().count();
    let names = rows.iter().map(|it| n_chars(it.0)).max().unwrap_or_default();
    let urls = rows.iter().map(|it| n_chars(it.1)).max().unwrap_or_default();
    rows.iter().try_for_each(|(name, url)| output::line(&format!("{name:<names$}\t{url:<urls$}")))
}

fn remove(context: &Context, args: &RepoRemove) -> Result<(), Failure> {
    let path = config(context)?;
    // Where nothing is configured, no lock is left behind either.
    if Repositories::load(&path)?.all().is_empty() {
        return Err(Failure::work("no repositories configured"));
    }
    let _lock = repository::lock(&path)?;
    let mut repositories = Repositories::load(&path)?;
    let cache = market::cache(context)?;
    for name in &args.names {
        if !repositories.remove(name) {
            let hint = "zarpa chart repo list".to_owned();
            let text = format!("no repo named {name:?} found");
            return Err(Failure::work(text).with_hint(Some(hint)));
        }
        repositories.save(&path)?;
        cache.remove(name)?;
        if !context.is_json {
            output::line(&format!("{name:?} has been removed from your repositories"))?;
        }
    }
    if context.is_json { output::json(&json!({ "removed": args.names })) } else { Ok(()) }
}
