//! Texts that are no templates.

use gotmpl::ParseError;

use super::{Author, Place, Problem, shortened};
use crate::{actions, attempt::attempt, functions, similar::nearest};

pub(super) fn problems(author: &Author<'_>) -> Vec<Problem> {
    let Some(attempt) = attempt(author.chart, author.values, &author.inputs) else {
        return Vec::new();
    };
    let errors = attempt.parse_errors.iter();
    let mut problems: Vec<Problem> = errors
        .map(|error| {
            let text = attempt.texts.get(&*error.name).map(String::as_str).unwrap_or_default();
            problem(error, text, author)
        })
        .collect();
    problems.sort_by(|one, two| key(one).cmp(&key(two)));
    problems
}

fn key(problem: &Problem) -> Option<(&str, usize)> {
    problem.place.as_ref().map(|it| (it.file.as_str(), it.line))
}

fn problem(error: &ParseError, text: &str, author: &Author<'_>) -> Problem {
    let file = author.file(&error.name);
    let line = text.lines().nth(error.line.saturating_sub(1)).unwrap_or_default();
    let function =
        error.message.strip_prefix("function \"").and_then(|it| it.strip_suffix("\" not defined"));
    let mut place = Place { file: file.clone(), line: error.line, column: None };
    let (mut notes, mut hint) = (Vec::new(), None);
    if let Some(name) = function {
        place.column = line.find(name).map(|it| it + 1);
        hint = Some(match name {
            "env" | "expandenv" => {
                "helm has no such function: a chart must not see who installs it; pass a value"
                    .to_owned()
            }
            name => {
                let names = functions::names().chain(gotmpl::builtin_names());
                nearest(name, names).map_or_else(
                    || "helm's functions are those of sprig and its own".to_owned(),
                    |it| format!("did you mean `{it}`?"),
                )
            }
        });
    } else if error.message == "unexpected EOF" {
        let open = actions::unclosed(text);
        notes = open
            .iter()
            .map(|start| {
                let head: String = text[*start..].lines().next().unwrap_or_default().to_owned();
                format!(
                    "{file}:{}: {} is never ended",
                    actions::line_of(text, *start),
                    shortened(&head)
                )
            })
            .collect();
        hint = Some("every if, range, with, define and block wants its {{ end }}".to_owned());
    } else if error.message.starts_with("unexpected {{end}}") {
        hint = Some("there is one {{ end }} too many above it, or here".to_owned());
    } else if error.message.starts_with("undefined variable") {
        hint = Some(
            "a variable is known from its `:=` to the {{ end }} of the block that it stands in"
                .to_owned(),
        );
    } else if error.message.contains("unterminated") || error.message.contains("unclosed") {
        hint = Some("a quote, a parenthesis or the closing braces are missing".to_owned());
    }
    Problem {
        text: error.message.clone(),
        place: Some(place),
        excerpt: [line.trim()].iter().filter(|it| !it.is_empty()).map(|it| shortened(it)).collect(),
        notes,
        hint,
    }
}
