//! The program itself, as the linker left it.

use std::process::Command;

use crate::machine::{program, run};

fn readelf(option: &str) -> String {
    run(Command::new("readelf").args([option, "--wide"]).arg(program())).good().out
}

#[test]
fn it_runs_wherever_there_is_a_linux() {
    let segments = readelf("--segments");
    assert!(segments.contains("LOAD") && !segments.contains("INTERP"), "{segments}");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn what_chart_template_runs_lies_side_by_side() {
    // Less than this, and most names in the linker's list are of another compiler or of code that is gone.
    const BYTES_MIN: u64 = 1 << 20;
    let sections = readelf("--sections");
    let line = sections.lines().find(|it| it.contains(" .text.template "));
    let size = line.and_then(|it| it.split("PROGBITS").nth(1)?.split_whitespace().nth(2));
    let n_bytes = size.and_then(|it| u64::from_str_radix(it, 16).ok());
    assert!(n_bytes.is_some_and(|it| BYTES_MIN <= it), "{line:?}: cargo xtask order FOLDER");
}
