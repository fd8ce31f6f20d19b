//! The order of functions in zarpa's program: those that `chart template` runs lie side by side.
//!
//! A program is mapped page by page as it runs. Where the linker happens to put them, the half megabyte of
//! functions that nearly every chart needs is spread over thirty.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};

use crate::{
    corpus::{self, Case},
    shell::{self, root},
};

/// Where the list is kept; the build script of `cli` hands it to the linker.
const SCRIPT: &str = "crates/cli/order.ld";
const N_CHARTS: usize = 30;
/// A function is listed when one in so many charts runs it.
const RARELY: usize = 4;
/// Instances of one generic function share a pattern. One that fits many would bring more of what nobody runs, so
/// those are listed by their hashes, which hold for as long as the compiler and the versions of all crates do.
const INSTANCES_MAX: usize = 4;

/// Watches `chart template` over a sample of a corpus, and lists the functions that it ran.
pub(crate) fn write(folder: &Path) -> anyhow::Result<()> {
    let cases = corpus::cases(folder, "")?;
    let cases: Vec<&Case> = cases.iter().filter(|it| it.should_render).collect();
    let sample: Vec<&Case> =
        cases.iter().copied().step_by(cases.len().div_ceil(N_CHARTS).max(1)).collect();

    // The symbols are what callgrind reports, and what sections are named by.
    let build = ["--silent", "build", "RUSTC_FLAGS=-C strip=none"];
    shell::run(Command::new("make").args(build).current_dir(root()))?;
    let zarpa = root().join("target/release/zarpa");
    let symbols = shell::read(Command::new("nm").arg("--defined-only").arg(&zarpa))?;
    let symbols: BTreeSet<&str> = symbols.lines().filter_map(function).collect();
    let mut n_runs: BTreeMap<String, usize> = BTreeMap::new();
    for case in &sample {
        for name in ran(&zarpa, folder, case)? {
            *n_runs.entry(name).or_default() += 1;
        }
    }
    let often =
        n_runs.iter().filter(|(_, n)| sample.len() <= **n * RARELY).map(|(name, _)| &**name);
    let patterns = patterns(often.filter(|it| symbols.contains(it)), &symbols);
    ensure!(!patterns.is_empty(), "{}: no function of it ran", zarpa.display());
    eprintln!("order: {} patterns from {} charts in {SCRIPT}", patterns.len(), sample.len());
    Ok(fs::write(root().join(SCRIPT), script(&patterns))?)
}

/// The name in a line of `nm`, if it is a function of Rust's.
fn function(line: &str) -> Option<&str> {
    let mut words = line.split(' ').skip(1);
    let (kind, name) = (words.next()?, words.next()?);
    (kind.eq_ignore_ascii_case("t") && ["_ZN", "_R"].iter().any(|it| name.starts_with(it)))
        .then_some(name)
}

/// The functions that ran, by callgrind.
fn ran(zarpa: &Path, folder: &Path, case: &Case) -> anyhow::Result<BTreeSet<String>> {
    let profile = root().join("target/order.callgrind");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--demangle=no"]);
    command
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(zarpa)
        .args(["chart", "template"])
        .args(case.arguments(folder));
    let output =
        command.stdout(Stdio::null()).output().context("valgrind: apt-get install valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {said}", case.name);
    let profile = fs::read_to_string(&profile)?;
    Ok(profile.lines().filter_map(callee).map(str::to_owned).collect())
}

/// The function that a line of callgrind's names: it does so once, `fn=(12) name'2`, where the apostrophe tells
/// apart the depths of a recursion.
fn callee(line: &str) -> Option<&str> {
    let named = line.strip_prefix('c').unwrap_or(line).strip_prefix("fn=")?;
    let (_, name) = named.split_once(' ')?;
    name.split('\'').next()
}

/// The patterns of some functions.
fn patterns<'a>(
    functions: impl Iterator<Item = &'a str>,
    symbols: &BTreeSet<&str>,
) -> BTreeSet<String> {
    let mut n_instances: BTreeMap<String, usize> = BTreeMap::new();
    for symbol in symbols {
        *n_instances.entry(pattern(symbol)).or_default() += 1;
    }
    let narrowed = |symbol: &str| {
        let pattern = pattern(symbol);
        let is_narrow = n_instances.get(&pattern).is_some_and(|it| *it <= INSTANCES_MAX);
        if is_narrow { pattern } else { symbol.to_owned() }
    };
    functions.map(narrowed).collect()
}

/// A symbol without what differs from build to build: the hash at its end, and the number of a copy of LLVM's.
fn pattern(symbol: &str) -> String {
    let (name, copy) = match symbol.split_once(".llvm.") {
        Some((name, _)) => (name, ".llvm.*"),
        None => (symbol, ""),
    };
    let hashed =
        name.strip_suffix('E').and_then(|it| it.split_at_checked(it.len().checked_sub(16)?));
    match hashed {
        Some((path, hash))
            if path.ends_with("17h") && hash.bytes().all(|it| it.is_ascii_hexdigit()) =>
        {
            format!("{path}*E{copy}")
        }
        _ => format!("{name}{copy}"),
    }
}

/// A linker script that puts the functions into a section of their own; what a pattern no longer finds stays in
/// `.text` with the rest.
fn script(patterns: &BTreeSet<String>) -> String {
    let lines: String = patterns.iter().map(|it| format!("    *(.text.{it})\n")).collect();
    format!(
        "/* The functions that `zarpa chart template` runs, side by side; made by `cargo xtask order`. */\n\
         SECTIONS\n{{\n  .text.template :\n  {{\n{lines}  }}\n}}\nINSERT BEFORE .text;\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_lose_what_a_build_gives_them() {
        let symbol = "_ZN6gotmpl4exec5Frame4list17h24c2e35bdf7e1cd3E";
        assert_eq!(pattern(symbol), "_ZN6gotmpl4exec5Frame4list17h*E");
        assert_eq!(
            pattern(&format!("{symbol}.llvm.889763")),
            "_ZN6gotmpl4exec5Frame4list17h*E.llvm.*"
        );
        assert_eq!(pattern("_RNvCs1_3std4main"), "_RNvCs1_3std4main");
        assert_eq!(pattern("_ZN3E"), "_ZN3E");
    }

    #[test]
    fn what_has_many_instances_is_listed_by_its_hash() {
        let many: Vec<String> =
            (0..=INSTANCES_MAX).map(|it| format!("_ZN4many17h{it:016x}E")).collect();
        let mut symbols: BTreeSet<&str> = many.iter().map(|it| &**it).collect();
        symbols.extend(["_ZN3few17h0000000000000001E", "_ZN3few17h0000000000000002E"]);
        let ran = ["_ZN3few17h0000000000000001E", &many[0]];
        let found = patterns(ran.into_iter(), &symbols);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["_ZN3few17h*E", &many[0]]);
    }

    #[test]
    fn callgrind_and_nm_are_read() {
        assert_eq!(callee("fn=(12) _ZN1a1bE"), Some("_ZN1a1bE"));
        assert_eq!(callee("cfn=(12) _ZN1a1bE'2"), Some("_ZN1a1bE"));
        assert_eq!(callee("fn=(12)"), None);
        assert_eq!(callee("calls=1 0"), None);
        assert_eq!(function("0000000000aa23c0 t _ZN1a1bE"), Some("_ZN1a1bE"));
        assert_eq!(function("0000000000aa23c0 d _ZN1a1bE"), None);
        assert_eq!(function("0000000000aa23c0 T malloc"), None);
    }
}
