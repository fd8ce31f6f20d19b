//! `--helm-errors`: failures word for word as helm has them.

use std::{io, path::Path};

use chart::RenderError;
use host::files::FileError;

use crate::{context::Context, failure::Failure};

/// The failure as helm prints it.
pub(crate) fn worded(context: &Context, failure: &Failure) -> Failure {
    let mut text = format!("Error: {}", text(context, failure));
    let is_shown_with_hint = failure.error().downcast_ref::<RenderError>();
    if is_shown_with_hint.is_some_and(RenderError::has_debug_hint) {
        text.push_str("\n\nUse --debug flag to render out invalid YAML");
    }
    failure.reworded(text)
}

/// What helm says after `Error: `. The errors of charts are in its words already.
pub(crate) fn text(context: &Context, failure: &Failure) -> String {
    let error = failure.error();
    let Some(error) = error.downcast_ref::<FileError>() else { return error.to_string() };
    let step = match error.source.kind() {
        io::ErrorKind::IsADirectory => "read",
        _ => "open",
    };
    let path: &Path = error.path.strip_prefix(&context.directory).unwrap_or(&error.path);
    format!("{step} {}: {}", path.display(), system_error(&error.source))
}

/// The system's words as Go has them: in small letters, without the number.
fn system_error(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}
