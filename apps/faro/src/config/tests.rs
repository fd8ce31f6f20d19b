//! Precedence, and every mistake at once.

use super::*;

fn serve(args: &[&str], environment: &[(&str, &str)]) -> Result<ServeConfig, ConfigError> {
    let args = ["faro"].iter().chain(args).map(OsString::from);
    let environment: Vec<(String, String)> =
        environment.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect();
    match read(args, &environment)? {
        Task::Serve(config) => Ok(*config),
        Task::Check { .. } => panic!("not asked for"),
    }
}

fn mistakes(args: &[&str]) -> Vec<String> {
    match serve(args, &[]) {
        Err(ConfigError::Mistakes(Mistakes(mistakes))) => mistakes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn flags_are_read() {
    let config = serve(&["--shutdown-delay", "0.5", "--greeting", "Hi!"], &[]).unwrap();
    assert_eq!(config.shutdown_delay, Duration::from_millis(500));
    assert_eq!(config.greeting, "Hi!");
    assert_eq!(config.log_format, LogFormat::Json);
}

#[test]
fn every_mistake_is_told_at_once() {
    let args =
        ["--listen", "nowhere", "--drain-timeout", "soon", "--color", "red;}", "--tls-key", "x"];
    assert_eq!(
        mistakes(&args),
        [
            "--listen: `nowhere` is no address of the form 0.0.0.0:8080",
            "--color: `red;}` is neither the name of a colour nor of the form #rrggbb",
            "--tls-cert: a key needs its certificate",
            "--drain-timeout: `soon` is no number of seconds up to 3600",
        ]
    );
}

#[test]
fn a_file_stands_behind_flags_and_says_what_it_does_not_know() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("faro.toml");
    std::fs::write(&path, "greeting = 'Ahoy!'\nrequests_max = 7\nlog-level = 'warn'\n").unwrap();
    let file = path.to_str().unwrap();
    let config = serve(&["--config", file, "--log-level", "error"], &[]).unwrap();
    assert_eq!((config.greeting.as_str(), config.requests_max), ("Ahoy!", 7));
    assert_eq!(config.log_level, "error");

    std::fs::write(&path, "gretting = 'x'\nlisten = [1]\nstore_timeout = 'soon'\n").unwrap();
    assert_eq!(
        mistakes(&["--config", file]),
        [
            format!("`{file}`: there is no setting `gretting`"),
            format!("`{file}`: `listen` must be a text, a number or a boolean"),
            format!("`{file}`, store_timeout: `soon` is no number of seconds up to 3600"),
        ]
    );
    assert!(
        mistakes(&["--config", "/nowhere.toml"])[0].starts_with("could not read `/nowhere.toml`")
    );
}

#[test]
fn redis_is_found_by_the_variables_of_a_service() {
    let environment = [("REDIS_APP_SERVICE_HOST", "10.96.0.7"), ("REDIS_APP_SERVICE_PORT", "6379")];
    let args = ["--redis-service", "redis-app", "--redis-password", "a/b"];
    let config = serve(&args, &environment).unwrap();
    assert_eq!(config.redis_url.as_deref(), Some("redis://:a%2fb@10.96.0.7:6379"));
    let told = mistakes(&["--redis-service", "redis-app"]);
    assert!(told[0].contains("no REDIS_APP_SERVICE_HOST"), "{told:?}");
}

#[test]
fn development_changes_the_log_that_nobody_chose() {
    let config = serve(&["--dev"], &[]).unwrap();
    assert_eq!((config.log_level.as_str(), config.log_format), ("debug", LogFormat::Text));
    let config = serve(&["--dev", "--log-level", "warn"], &[]).unwrap();
    assert_eq!((config.log_level.as_str(), config.log_format), ("warn", LogFormat::Text));
}

#[test]
fn addresses_of_stores_are_not_repeated() {
    for args in [["--redis-url", "http://x:secret@y"], ["--database-url", "mysql://x:secret@y/z"]] {
        let told = mistakes(&args);
        assert!(
            told[0].contains("no address of the form") && !told[0].contains("secret"),
            "{told:?}"
        );
    }
}
