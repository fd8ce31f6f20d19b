//! From a setting's text to its value; errors say what the text should have been.

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use tracing_subscriber::EnvFilter;

use super::{LogFormat, Settings, TlsFiles, mistakes::Collector};

/// An hour: whoever means more has mixed up the units.
const SECONDS_MAX: f64 = 3600.0;
/// The least that hyper takes as a buffer.
const HEAD_BYTES_MIN: usize = 8192;

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no address of the form 0.0.0.0:8080"))
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|it| (0.0..=SECONDS_MAX).contains(it));
    let seconds =
        seconds.ok_or_else(|| format!("`{text}` is no number of seconds up to {SECONDS_MAX}"))?;
    Duration::try_from_secs_f64(seconds).map_err(|it| it.to_string())
}

pub(super) fn positive<T: FromStr + PartialOrd + Default>(text: &str) -> Result<T, String> {
    let number = text.parse::<T>().ok().filter(|it| T::default() < *it);
    number.ok_or_else(|| format!("`{text}` is no whole number above 0"))
}

pub(super) fn head_bytes(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|it| HEAD_BYTES_MIN <= *it);
    number.ok_or_else(|| format!("`{text}` is no whole number from {HEAD_BYTES_MIN}"))
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" | "" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

pub(super) fn line(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("a greeting is one line without control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// Only what cannot end the rule that it stands in.
pub(super) fn color(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphabetic());
    let is_hex = text
        .strip_prefix('#')
        .is_some_and(|it| matches!(it.len(), 3 | 6) && it.bytes().all(|it| it.is_ascii_hexdigit()));
    if is_name || is_hex {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is neither the name of a colour nor of the form #rrggbb"))
    }
}

pub(super) fn filter(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("`{text}` is no log level: {error}")),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        _ => Err(format!("`{text}` is neither json nor text")),
    }
}

pub(super) fn http_url(text: &str) -> Result<String, String> {
    let url = text.parse::<axum::http::Uri>().ok();
    match url.filter(|it| it.scheme_str() == Some("http") && it.authority().is_some()) {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err(format!("`{text}` is no address of the form http://collector:4318")),
    }
}

/// Addresses of stores may hold a password, so no message repeats them.
pub(super) fn database_url(text: &str) -> Result<String, String> {
    let is_postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
    match text.parse::<sqlx::postgres::PgConnectOptions>() {
        Ok(_) if is_postgres => Ok(text.to_owned()),
        _ => Err("no address of the form postgres://user:password@host/db".to_owned()),
    }
}

fn redis_url(text: &str) -> Result<String, String> {
    redis::Client::open(text)
        .map(|_| text.to_owned())
        .map_err(|_| "no address of the form redis://[[user]:password@]host[:port][/db]".to_owned())
}

/// The counter's Redis: by its address, or by the variables of a Kubernetes Service.
pub(super) fn redis(
    said: &Settings,
    it: &mut Collector,
    environment: &[(String, String)],
) -> Option<String> {
    if said.redis_service.is_empty() || !said.redis_url.is_empty() {
        return it.optional("redis_url", &said.redis_url, redis_url);
    }
    let prefix = said.redis_service.to_ascii_uppercase().replace('-', "_");
    let variable = |name: &str| {
        let name = format!("{prefix}_SERVICE_{name}");
        let found = environment.iter().find(|it| it.0 == name).map(|it| it.1.clone());
        found.filter(|it| !it.is_empty()).ok_or(name)
    };
    let (host, port) = match (variable("HOST"), variable("PORT")) {
        (Ok(host), Ok(port)) => (host, port),
        (Err(name), _) | (_, Err(name)) => {
            let service = &said.redis_service;
            it.mistake("redis_service", &format!("the environment has no {name}: is there a Service `{service}` in this namespace, older than this pod?"));
            return None;
        }
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let login = match said.redis_password.as_str() {
        "" => String::new(),
        password => format!(":{}@", percent_encoded(password)),
    };
    let text = format!("redis://{login}{host}:{port}");
    it.value("redis_service", &text, |text| redis_url(text).map(Some), None)
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    encoded
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0')
}

pub(super) fn tls(said: &Settings, it: &mut Collector) -> Option<TlsFiles> {
    let (cert, key) = (PathBuf::from(&said.tls_cert), PathBuf::from(&said.tls_key));
    match (said.tls_cert.is_empty(), said.tls_key.is_empty()) {
        (false, false) => Some(TlsFiles { cert, key }),
        (true, true) => None,
        (false, true) => {
            it.mistake("tls_key", "a certificate needs its key");
            None
        }
        (true, false) => {
            it.mistake("tls_cert", "a key needs its certificate");
            None
        }
    }
}

pub(super) fn or_variable(text: &str, environment: &[(String, String)], name: &str) -> String {
    if !text.is_empty() {
        return text.to_owned();
    }
    environment.iter().find(|it| it.0 == name).map(|it| it.1.clone()).unwrap_or_default()
}
