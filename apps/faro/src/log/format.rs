//! The two forms of a line: JSON for machines, written as it is recorded, and text for people.

use std::{
    cell::RefCell,
    fmt::{self, Debug, Write},
    str,
    time::{Duration, SystemTime},
};

use tracing::{Event, Subscriber, field::Field, field::Visit};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Full, Writer},
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
        write_time(&mut to)?;
        to.write_str("\",\"level\":\"")?;
        to.write_str(event.metadata().level().as_str())?;
        to.write_char('"')?;
        let mut members = Members { to: to.by_ref(), result: Ok(()) };
        event.record(&mut members);
        members.result?;
        let ids = IDS.try_with(|ids| {
            to.write_str(",\"request_id\":\"")?;
            write!(to, "{}", ids.request)?;
            to.write_str("\",\"trace_id\":\"")?;
            to.write_str(str::from_utf8(&Hex(ids.trace).digits()).unwrap_or_default())?;
            to.write_char('"')
        });
        ids.unwrap_or(Ok(()))?;
        to.write_str(",\"target\":\"")?;
        to.write_str(event.metadata().target())?;
        to.write_str("\"}\n")
    }
}

/// The time to the microsecond (RFC 3339); all of it but the fraction is kept for a second.
fn write_time(to: &mut Writer<'_>) -> fmt::Result {
    thread_local! {
        static KEPT: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
    }
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO);
    KEPT.with_borrow_mut(|(second, text)| {
        if *second != now.as_secs() {
            *second = now.as_secs();
            let moment = i64::try_from(*second).map(jiff::Timestamp::from_second);
            *text = moment.ok().and_then(Result::ok).unwrap_or_default().to_string();
            text.pop();
        }
        to.write_str(text)
    })?;
    let mut digits = *b".000000Z";
    let mut rest = now.subsec_micros();
    for digit in digits[1..7].iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    to.write_str(str::from_utf8(&digits).unwrap_or_default())
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
            let name = field.name();
            let named = [",\"", name, "\":"].into_iter().try_for_each(|it| self.to.write_str(it));
            self.result = named.and_then(|()| write(&mut self.to));
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
        self.add(field, |to| to.write_str(itoa::Buffer::new().format(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, |to| to.write_str(itoa::Buffer::new().format(value)));
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
        let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
        let age = jiff::Timestamp::now().duration_since(time);
        assert!(!age.is_negative() && age.as_secs() < 60, "{time}");
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
