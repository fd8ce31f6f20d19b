//! The two forms of a line: JSON for machines, written as it is recorded, and text for people.

use std::fmt::{self, Debug, Write};

use tracing::{Event, Subscriber, field::Field, field::Visit};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Full, Writer},
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

use super::IDS;
use crate::trace::Hex;

/// One object a line: `timestamp`, `level`, the event's own fields, `request_id`, `trace_id`, `target`.
#[derive(Debug)]
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        to.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut to)?;
        to.write_str("\",\"level\":\"")?;
        to.write_str(event.metadata().level().as_str())?;
        to.write_char('"')?;
        let mut members = Members { to: to.by_ref(), result: Ok(()) };
        event.record(&mut members);
        members.result?;
        let ids = IDS.try_with(|ids| {
            write!(to, ",\"request_id\":\"{}\",\"trace_id\":\"{}\"", ids.request, Hex(ids.trace))
        });
        ids.unwrap_or(Ok(()))?;
        to.write_str(",\"target\":\"")?;
        to.write_str(event.metadata().target())?;
        to.write_str("\"}\n")
    }
}

/// As `tracing_subscriber` writes lines, after the id of the request.
#[derive(Debug, Default)]
pub(super) struct Text(Format<Full>);

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        IDS.try_with(|ids| write!(to, "{} ", ids.request)).unwrap_or(Ok(()))?;
        self.0.format_event(context, to, event)
    }
}

/// Writes fields as members of an object that has some already.
struct Members<'a> {
    to: Writer<'a>,
    result: fmt::Result,
}

impl Members<'_> {
    fn add(&mut self, field: &Field, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() {
            // Names of fields are Rust's names or ours: nothing in them needs an escape.
            self.result =
                write!(self.to, ",\"{}\":", field.name()).and_then(|()| write(&mut self.to));
        }
    }
}

impl Visit for Members<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, |to| {
            to.write_char('"')?;
            write!(Escaped(to), "{value:?}")?;
            to.write_char('"')
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, |to| {
            to.write_char('"')?;
            Escaped(to).write_str(value)?;
            to.write_char('"')
        });
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, |to| write!(to, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, |to| write!(to, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, |to| write!(to, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is no number.
        self.add(field, |to| {
            if value.is_finite() { write!(to, "{value}") } else { to.write_str("null") }
        });
    }
}

/// Text within the quotes of JSON (RFC 8259, section 7).
struct Escaped<'a, 'b>(&'a mut Writer<'b>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|it| it < 0x20 || it == b'"' || it == b'\\') {
            self.0.write_str(&rest[..at])?;
            match rest.as_bytes()[at] {
                b'\n' => self.0.write_str("\\n")?,
                it @ (b'"' | b'\\') => write!(self.0, "\\{}", char::from(it))?,
                it => write!(self.0, "\\u{it:04x}")?,
            }
            rest = &rest[at + 1..];
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use axum::http::HeaderValue;
    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::log::{Ids, RequestId};

    #[derive(Debug, Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged<E>(format: E, ids: Ids, work: fn()) -> String
    where
        E: FormatEvent<
                tracing_subscriber::Registry,
                tracing_subscriber::fmt::format::DefaultFields,
            > + Send
            + Sync
            + 'static,
    {
        let lines = Lines::default();
        let to = lines.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .event_format(format)
            .with_writer(move || to.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || IDS.sync_scope(ids, work));
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_line_is_one_object_whatever_it_says() {
        let ids = Ids { request: RequestId::Given(HeaderValue::from_static("mine-1")), trace: 1 };
        let line = logged(Json, ids, || {
            let (text, odd) = ("a \"b\"\n\\\u{1}é", f64::NAN);
            tracing::warn!(text, debug = ?Some(text), n = -1, yes = true, half = 0.5, odd, "said");
        });
        assert!(line.ends_with("}\n") && line.lines().count() == 1, "{line}");
        let mut line: Value = serde_json::from_str(&line).unwrap();
        let time = line["timestamp"].take();
        assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
        let expect = json!({
            "timestamp": null, "level": "WARN", "message": "said", "text": "a \"b\"\n\\\u{1}é",
            "debug": "Some(\"a \\\"b\\\"\\n\\\\\\u{1}é\")", "n": -1, "yes": true, "half": 0.5,
            "odd": null, "request_id": "mine-1", "trace_id": "00000000000000000000000000000001",
            "target": "faro::log::format::tests",
        });
        assert_eq!(line, expect);
    }

    #[test]
    fn a_text_begins_with_the_request() {
        let ids = Ids { request: RequestId::Made(0xfa70), trace: 1 };
        let line = logged(Text::default(), ids, || tracing::info!(n = 1, "said"));
        assert!(line.starts_with("0000000000000000000000000000fa70 "), "{line}");
        assert!(line.ends_with(" INFO faro::log::format::tests: said n=1\n"), "{line}");
    }
}
