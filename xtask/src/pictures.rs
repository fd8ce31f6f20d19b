//! Pictures of a run for the guide: what `zarpa up` shows in a terminal, and faro's page in a browser.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};

use crate::{
    e2e,
    shell::{self, root},
};

const FOLDER: &str = "docs/guide/pictures";
const COLUMNS: usize = 108;
/// Of the picture's letters, in pixels.
const WIDTH: f64 = 8.4;
const HEIGHT: usize = 19;
const MARGIN: usize = 18;
const BAR: usize = 34;

/// Ships this repository on a cluster of its own, draws what was shown, and looks at the page.
pub(crate) fn run() -> anyhow::Result<()> {
    e2e::be_root()?;
    ensure!(
        Command::new("chromium").arg("--version").output().is_ok(),
        "pictures: apt-get install chromium"
    );
    draw(&e2e::zarpa()?)
}

fn draw(zarpa: &Path) -> anyhow::Result<()> {
    let data = root().join("target/pictures");
    let command = format!("stty cols {COLUMNS}; {} up", zarpa.display());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    let shown = shell::read(script.current_dir(root()).env("XDG_DATA_HOME", &data));
    let drawn = shown.and_then(|shown| {
        let lines = lines(&shown);
        let address = lines.iter().rev().map(|it| text(it)).find(|it| it.starts_with("http://"));
        let address = address.context("`zarpa up` names no address")?;
        fs::write(root().join(FOLDER).join("up.svg"), svg(&lines))?;
        screenshot(address.trim(), &root().join(FOLDER).join("page.png"))
    });
    let mut reset = Command::new(zarpa);
    shell::run(reset.args(["cluster", "reset"]).env("XDG_DATA_HOME", &data))?;
    drawn
}

fn screenshot(address: &str, to: &Path) -> anyhow::Result<()> {
    let profile = root().join("target/pictures/chromium");
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=680,580"]);
    chromium.arg(format!("--user-data-dir={}", profile.display()));
    chromium.arg(format!("--screenshot={}", to.display())).arg(address);
    shell::read(&mut chromium).map(drop)
}

/// A piece of a line in one colour, as a class of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    class: &'static str,
    text: String,
}

fn text(line: &[Piece]) -> String {
    line.iter().map(|it| it.text.as_str()).collect()
}

/// What stands on a terminal after all of this: lines that were written over are gone.
fn lines(shown: &str) -> Vec<Vec<Piece>> {
    let mut all = Vec::new();
    for line in shown.replace("\r\n", "\n").lines() {
        // What is erased stood there only for a while.
        let line = line.rsplit("\r\u{1b}[K").next().unwrap_or(line);
        let mut pieces = Vec::new();
        let mut class = "plain";
        for (idx, part) in line.split("\u{1b}[").enumerate() {
            let (code, text) = match idx {
                0 => ("", part),
                _ => part.split_once('m').unwrap_or(("", part)),
            };
            class = match code {
                "" => class,
                "32" => "good",
                "31" => "bad",
                "33" => "warn",
                "90" | "2" => "dim",
                _ => "plain",
            };
            if !text.is_empty() {
                pieces.push(Piece { class, text: text.to_owned() });
            }
        }
        all.push(pieces);
    }
    all
}

/// A window with these lines.
fn svg(lines: &[Vec<Piece>]) -> String {
    let prompt = vec![
        Piece { class: "dim", text: "$ ".to_owned() },
        Piece { class: "plain", text: "zarpa up".to_owned() },
    ];
    let n_lines = lines.len() + 1;
    let (width, height) =
        (COLUMNS as f64 * WIDTH + 2.0 * MARGIN as f64, BAR + n_lines * HEIGHT + MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height}\" width=\"{width:.0}\" \
         height=\"{height}\" role=\"img\" aria-label=\"zarpa up, from tests to the address\">\n<style>\
         text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;\
         white-space:pre;fill:#d7dfe4}}.good{{fill:#69db7c}}.bad{{fill:#ff8787}}.warn{{fill:#ffd43b}}\
         .dim{{fill:#7b8b95}}</style>\n<rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"#14222b\"/>\n"
    );
    for (idx, colour) in ["#ff6b6b", "#fcc419", "#51cf66"].into_iter().enumerate() {
        let x = MARGIN + 4 + idx * 20;
        writeln!(svg, "<circle cx=\"{x}\" cy=\"18\" r=\"6\" fill=\"{colour}\"/>").ok();
    }
    for (idx, line) in [&prompt].into_iter().chain(lines).enumerate() {
        let y = BAR + (idx + 1) * HEIGHT - 5;
        write!(svg, "<text x=\"{MARGIN}\" y=\"{y}\">").ok();
        for piece in line {
            let text = piece.text.replace('&', "&amp;").replace('<', "&lt;");
            write!(svg, "<tspan class=\"{}\">{text}</tspan>", piece.class).ok();
        }
        svg.push_str("</text>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_over_is_not_in_the_picture() {
        let shown = "one\r\n\r\u{1b}[K  test  …\r\u{1b}[K  test  \u{1b}[32m✓\u{1b}[0m <done>\r\n";
        let lines = lines(shown);
        assert_eq!(
            lines.iter().map(|it| text(it)).collect::<Vec<_>>(),
            ["one", "  test  ✓ <done>"]
        );
        assert_eq!(lines[1][1], Piece { class: "good", text: "✓".to_owned() });
        let svg = svg(&lines);
        assert!(
            svg.contains(
                "<tspan class=\"good\">✓</tspan><tspan class=\"plain\"> &lt;done></tspan>"
            )
        );
    }
}
