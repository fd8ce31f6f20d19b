//! `zarpa chart repo update`: what repositories offer now.

use std::time::Duration;

use futures_util::future::join_all;
use repository::{FetchError, Market, Repository};
use serde_json::json;

use super::{helm, market};
use crate::{
    args::{remote::Access, repo::RepoUpdate},
    context::Context,
    failure::Failure,
    output,
};

/// Asks all repositories at the same time, and tells of each; fails when one did not answer.
pub(crate) async fn update(context: &Context, args: &RepoUpdate) -> Result<(), Failure> {
    let market = market::open(context, &Access::default(), &[])?;
    let known = market.repositories.all();
    if known.is_empty() {
        let hint = "zarpa chart repo add NAME ADDRESS".to_owned();
        let text = "no repositories found. You must add one before updating";
        return Err(Failure::work(text).with_hint(Some(hint)));
    }
    if let Some(name) = args.names.iter().find(|it| market.repositories.named(it).is_none()) {
        let hint = "zarpa chart repo list".to_owned();
        let text = format!("no repositories found matching '{name}'.  Nothing will be updated");
        return Err(Failure::work(text).with_hint(Some(hint)));
    }
    let is_wanted = |it: &&Repository| args.names.is_empty() || args.names.contains(&it.name);
    if !context.is_json {
        output::line("Hang tight while we grab the latest from your chart repositories...")?;
    }
    let market = &market;
    let asked = known.iter().filter(is_wanted).map(|it| async move {
        let result = refresh(market, it, args.patience.timeout).await;
        if !context.is_json {
            tell(context, it, result.as_ref().err())?;
        }
        Ok::<_, Failure>((it, result))
    });
    let mut answered = Vec::new();
    for result in join_all(asked).await {
        answered.push(result?);
    }
    let failed: Vec<&str> =
        answered.iter().filter(|it| it.1.is_err()).map(|it| it.0.url.as_str()).collect();
    if !failed.is_empty() {
        let failed = failed.join(" ");
        let text = format!("failed to update the following repositories: [{failed}]");
        return Err(Failure::work(text));
    }
    if context.is_json {
        let names: Vec<&str> = answered.iter().map(|it| it.0.name.as_str()).collect();
        return output::json(&json!({ "updated": names }));
    }
    output::line("Update Complete. ⎈Happy Helming!⎈")
}

fn tell(context: &Context, it: &Repository, failure: Option<&Failure>) -> Result<(), Failure> {
    let Repository { name, url, .. } = it;
    output::line(&match failure {
        None => format!("...Successfully got an update from the {name:?} chart repository"),
        Some(failure) => {
            let why = helm::text(context, failure);
            // The name of the repository stands in front already.
            let why = why.split_once("cannot be reached: ").map_or(why.as_str(), |it| it.1);
            format!(
                "...Unable to get an update from the {name:?} chart repository ({url}):\n\t{why}"
            )
        }
    })
}

/// Fetches what a repository offers and keeps it, within a time.
pub(crate) async fn refresh(
    market: &Market,
    repository: &Repository,
    timeout: Duration,
) -> Result<(), Failure> {
    match tokio::time::timeout(timeout, repository::refresh(market, repository)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(refused(error)),
        Err(_) => {
            let url = &repository.url;
            let text = format!(
                "looks like {url:?} is not a valid chart repository or cannot be reached: no answer within {timeout:?}"
            );
            Err(Failure::work(text).with_hint(Some("give it longer: --timeout 10m".to_owned())))
        }
    }
}

fn refused(error: FetchError) -> Failure {
    let hint = matches!(error, FetchError::Index { .. } | FetchError::IndexText { .. })
        .then(|| "the address is that of the folder in which index.yaml lies".to_owned());
    Failure::from(error).with_hint(hint)
}
