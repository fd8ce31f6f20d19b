//! What a project file may say, and how it is told what is wrong.

use super::parse;
use crate::{ImageValues, SmokeProtocol};

const SMALL: &str = "name = \"demo\"\n[services.web.chart]\npath = \"chart\"\n";

fn problems(text: &str) -> String {
    parse("zarpa.toml", text).unwrap_err().to_string()
}

#[test]
fn little_is_enough() {
    let project = parse("zarpa.toml", SMALL).unwrap();
    assert_eq!(project.runs, ".zarpa/runs");
    assert_eq!(project.environments["dev"].namespace, "dev");
    assert_eq!(project.services["web"].chart.path, "chart");
}

#[test]
fn an_image_goes_to_one_value_or_to_several() {
    let whole = parse("zarpa.toml", &format!("{SMALL}image = \"app.image\"\n")).unwrap();
    let whole = &whole.services["web"].chart.image;
    assert_eq!(whole.whole.as_deref(), Some("app.image"));
    let text = format!("{SMALL}image = {{ hub = \"hub\", image = \"image\", tag = \"tag\" }}\n");
    let parts = parse("zarpa.toml", &text).unwrap().services["web"].chart.image.clone();
    let expect = ImageValues {
        hub: Some("hub".to_owned()),
        image: Some("image".to_owned()),
        tag: Some("tag".to_owned()),
        ..ImageValues::default()
    };
    assert_eq!(parts, expect);
}

#[test]
fn a_smoke_check_is_http_tcp_or_grpc() {
    let text = format!("{SMALL}[[services.web.smoke]]\npath = \"/\"\ncontains = \"Hi\"\n");
    let project = parse("zarpa.toml", &text).unwrap();
    let smoke = &project.services["web"].smoke[0];
    assert!(smoke.through_ingress);
    assert!(matches!(&smoke.protocol, SmokeProtocol::Http { status: 200, .. }));
    let text = format!("{SMALL}[[services.web.smoke]]\npath = \"/\"\ntcp = true\n");
    assert_eq!(
        problems(&text),
        "zarpa.toml:4:1: a smoke check needs exactly one of `path`, `tcp` and `grpc`"
    );
}

#[test]
fn every_problem_is_told_with_its_place() {
    let text = "nmae = \"demo\"\n[services.Web]\nneeds = 3\nimgae = {}\n\
        [environments.prod]\ncontext = true\n[environments.prod.services.api]\n";
    assert_eq!(
        problems(text),
        [
            "zarpa.toml:1:1: `name` is missing",
            "zarpa.toml:1:1: unknown key `nmae` (hint: did you mean `name`?)",
            "zarpa.toml:2:1: `Web` is no valid name: at most 53 lower-case letters, digits and `-`",
            "zarpa.toml:2:1: `services.Web.chart` is missing: which chart deploys it?",
            "zarpa.toml:3:9: `services.Web.needs` must be a list of texts, not integer",
            "zarpa.toml:4:1: unknown key `services.Web.imgae` (hint: did you mean `image`?)",
            "zarpa.toml:6:11: `environments.prod.context` must be a text, not boolean",
            "zarpa.toml:7:1: there is no service `api`",
        ]
        .join("\n")
    );
}

#[test]
fn broken_syntax_is_told_alone() {
    let told = problems("name = \n");
    assert!(told.starts_with("zarpa.toml:1:8: ") && !told.contains('\n'), "{told}");
}
