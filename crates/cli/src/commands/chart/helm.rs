//! `--helm-errors`: failures word for word as helm has them.

use std::{error::Error, io, path::Path};

use chart::RenderError;
use host::files::FileError;
use registry::DownloadError;
use repository::{
    FetchError,
    openpgp::{SignError, UnlockError},
};

use super::inputs::GivenFile;
use crate::{context::Context, failure::Failure};

/// The failure as helm prints it.
pub(crate) fn worded(context: &Context, failure: &Failure) -> Failure {
    let mut text = format!("Error: {}", text(context, failure));
    let is_shown_with_hint = failure.error().downcast_ref::<RenderError>();
    if is_shown_with_hint.is_some_and(RenderError::has_debug_hint) && !context.is_debug {
        text.push_str("\n\nUse --debug flag to render out invalid YAML");
    }
    failure.reworded(text)
}

/// What helm says after `Error: `: each error of the chain, unless the one above it holds its words.
pub(crate) fn text(context: &Context, failure: &Failure) -> String {
    let mut text = String::new();
    let mut error: Option<&(dyn Error + 'static)> = Some(failure.error());
    while let Some(it) = error {
        let (words, is_last) = words(context, it);
        if text.is_empty() || words.is_empty() {
            text.push_str(&words);
        } else if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        error = if is_last { None } else { it.source() };
    }
    text
}

/// An error in helm's words, and whether they say what is below it, too. The errors of charts are in them already.
fn words(context: &Context, error: &(dyn Error + 'static)) -> (String, bool) {
    if let Some(GivenFile { path, source }) = error.downcast_ref() {
        return (unread(Path::new(path), source), true);
    }
    if let Some(FileError { path, source, .. }) = error.downcast_ref() {
        let path = path.strip_prefix(&context.directory).unwrap_or(path);
        return (unread(path, source), true);
    }
    if let Some(SignError::Unlock { source: UnlockError::Passphrase, .. }) = error.downcast_ref() {
        return ("openpgp: invalid data: private key checksum failure".to_owned(), true);
    }
    match error.downcast_ref::<FetchError>() {
        Some(FetchError::Download(_) | FetchError::Registry(_)) => return (String::new(), false),
        Some(FetchError::NotOffered { .. }) => return (error.to_string(), true),
        _ => {}
    }
    match error.downcast_ref::<DownloadError>() {
        Some(DownloadError::Status { url, status, .. }) => {
            (format!("failed to fetch {url} : {status}"), true)
        }
        Some(DownloadError::Address(url)) => {
            (format!("Get {url:?}: http: no Host in request URL"), true)
        }
        Some(DownloadError::Connect { url, source }) => {
            (format!("Get {url:?}: {}", connection(url, source.as_ref())), true)
        }
        _ => (error.to_string(), false),
    }
}

fn unread(path: &Path, error: &io::Error) -> String {
    let step = match error.kind() {
        io::ErrorKind::IsADirectory => "read",
        _ => "open",
    };
    format!("{step} {}: {}", path.display(), system_error(error))
}

/// Why a server was not reached, as Go says it.
fn connection(url: &str, error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let rest = url.split_once("://").map_or(url, |it| it.1);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match last.downcast_ref::<io::Error>() {
        Some(it) if it.kind() == io::ErrorKind::ConnectionRefused => {
            format!("dial tcp {host}: connect: {}", system_error(it))
        }
        Some(it) if it.to_string().contains("failed to lookup address") => {
            format!("dial tcp: lookup {}: no such host", host.split(':').next().unwrap_or_default())
        }
        _ if last.to_string().contains("InvalidContentType") => {
            "http: server gave HTTP response to HTTPS client".to_owned()
        }
        _ => last.to_string(),
    }
}

/// The system's words as Go has them: in small letters, without the number.
fn system_error(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}
