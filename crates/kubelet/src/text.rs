//! How errors and durations are written in events and statuses.

use std::{error::Error, time::Duration};

/// An error with its causes, as one line: `could not do this: because of that`.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// A duration as Go prints it: `1.204s`, `87ms`.
pub(crate) fn duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    if ms < 1000 {
        return format!("{ms}ms");
    }
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_go_s() {
        let check = |ms, want| assert_eq!(duration(Duration::from_millis(ms)), want);
        check(87, "87ms");
        check(1204, "1.204s");
        check(2000, "2s");
    }
}
