//! What every command says of itself: all help texts are one file.

use snapbox::file;

use crate::Place;

#[test]
fn every_command_explains_itself() {
    let mut all = String::new();
    walk(&Place::new(&[]), "", &mut all);
    snapbox::assert_data_eq!(all, file!["help.txt"].raw());
}

/// Adds the help of a command, and then of those below it.
fn walk(place: &Place, command: &str, all: &mut String) {
    let asked = format!("{command} --help");
    let output = place.zarpa(asked.trim_start()).assert().success();
    let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    all.extend(["$ zarpa ", asked.trim_start(), "\n", &text, "\n"]);
    let list = text.lines().skip_while(|it| *it != "Commands:").skip(1);
    for line in list.take_while(|it| !it.is_empty()) {
        // Longer texts go on in lines of their own, further to the right.
        let name = line.strip_prefix("  ").filter(|it| !it.starts_with(' '));
        let name = name.and_then(|it| it.split(' ').next()).filter(|it| *it != "help");
        if let Some(name) = name {
            walk(place, format!("{command} {name}").trim_start(), all);
        }
    }
}
