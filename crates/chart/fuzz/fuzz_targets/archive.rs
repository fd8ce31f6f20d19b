//! Any bytes as a packaged chart, and as the tar archive in one: loading ends, in a chart or an error.
#![no_main]

use std::io::Write as _;

use chart::Chart;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(chart) = Chart::from_archive(bytes) {
        check(&chart);
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packed.write_all(bytes).expect("memory takes it");
    if let Ok(chart) = Chart::from_archive(&packed.finish().expect("memory takes it")) {
        check(&chart);
    }
});

/// No path of a loaded chart leads out of it.
fn check(chart: &Chart) {
    for file in chart.templates.iter().chain(chart.files.iter()).chain(&chart.raw) {
        assert!(!file.path.starts_with('/'), "{:?}", file.path);
        assert!(!file.path.split('/').any(|part| part == ".."), "{:?}", file.path);
    }
    chart.dependencies.iter().for_each(check);
}
