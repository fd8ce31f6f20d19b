//! Any text as a template that is executed with every function and with limits: it ends, in text or an error.
#![no_main]

use std::cell::Cell;

use chart::{
    Capabilities, Chart, ChartFile, Inputs, Options, Release, Source, ValueSources, render_with,
};
use libfuzzer_sys::fuzz_target;

const VALUES: &str = r#"
text: hello world
empty: ""
number: 5
float: 1.5
yes: true
none: null
list: [a, b, {c: 1}, 3, null]
table: {a: 1, b: {c: [x, y]}, "9": z, aB: {}}
version: 1.2.3-rc.1+b
time: 2024-01-02T03:04:05Z
url: https://u:p@host:80/path?q=1#f
"#;

/// Bytes that are not random, and a key at hand, as making one takes long.
struct Fixed(Cell<u8>);

impl Source for Fixed {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0.set(self.0.get().wrapping_mul(77).wrapping_add(41));
            *byte = self.0.get();
        }
    }

    fn rsa_key(&self, _: u64) -> Option<String> {
        Some(include_str!("../key.pem").to_owned())
    }
}

fuzz_target!(|text: &[u8]| {
    let file = |path: &str, data: &[u8]| ChartFile { path: path.to_owned(), data: data.into() };
    let chart = Chart::load(vec![
        file("Chart.yaml", b"apiVersion: v2\nname: c\nversion: 1.0.0\n"),
        file("templates/NOTES.txt", text),
    ]);
    let mut sources = ValueSources::default();
    sources.files.push(("values.yaml".to_owned(), VALUES.into()));
    let values = sources.merge(&|_| Err(String::new())).expect("these values are fine");
    let release = Release::install("rel", "default");
    let mut options = Options::default();
    options.limits.output_bytes_max = 1 << 20;
    options.limits.steps_max = 20_000;
    let inputs = Inputs {
        release: &release,
        capabilities: &Capabilities::default(),
        source: &Fixed(Cell::new(1)),
        options,
    };
    let chart = chart.expect("this chart is fine");
    drop(render_with(&chart, &values, &inputs));
});
