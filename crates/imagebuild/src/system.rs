//! The few files that a service needs around it when it is built from nothing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use oci::layer::Entry;

/// Where Go, OpenSSL and rustls look for certificate authorities.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";
const PEM_LINE_BYTES: usize = 64;

/// Returns CA certificates, users and groups, and a `/tmp` that everybody may write.
///
/// `user` is `uid:gid`; a number other than 0 appears in `/etc/passwd` as `app`.
pub(crate) fn entries(user: &str) -> Vec<Entry> {
    let (uid, gid) = user.split_once(':').unwrap_or((user, user));
    let mut passwd = "root:x:0:0:root:/root:/sbin/nologin\n".to_owned();
    let mut group = "root:x:0:\n".to_owned();
    if uid.parse::<u32>().is_ok_and(|it| it != 0) {
        passwd.push_str(&format_line(&["app", "x", uid, gid, "app", "/", "/sbin/nologin"]));
    }
    if gid.parse::<u32>().is_ok_and(|it| it != 0) {
        group.push_str(&format_line(&["app", "x", gid, ""]));
    }
    let mut tmp = Entry::directory("tmp");
    tmp.mode = 0o1777;
    vec![
        Entry::file(CERTIFICATES, 0o644, certificates().into_bytes()),
        Entry::file("etc/passwd", 0o644, passwd.into_bytes()),
        Entry::file("etc/group", 0o644, group.into_bytes()),
        tmp,
    ]
}

fn format_line(fields: &[&str]) -> String {
    format!("{}\n", fields.join(":"))
}

/// Mozilla's roots as PEM, from the program itself, so that they do not depend on the machine.
fn certificates() -> String {
    let mut pem = String::new();
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        let text = STANDARD.encode(der);
        for line in text.as_bytes().chunks(PEM_LINE_BYTES) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci::layer::Node;

    fn text(path: &str, user: &str) -> String {
        let entry = entries(user).into_iter().find(|it| it.path == path).unwrap();
        let Node::File(content) = entry.node else { panic!("{path} is no file") };
        String::from_utf8(content).unwrap()
    }

    #[test]
    fn a_numeric_user_has_a_name() {
        assert!(text("etc/passwd", "1000:2000").ends_with("app:x:1000:2000:app:/:/sbin/nologin\n"));
        assert!(text("etc/group", "1000:2000").ends_with("app:x:2000:\n"));
        assert_eq!(text("etc/group", "0").lines().count(), 1);
    }

    #[test]
    fn certificates_are_pem() {
        let pem = text(CERTIFICATES, "0");
        let n_certificates = pem.matches("-----BEGIN CERTIFICATE-----\n").count();
        assert!(100 < n_certificates, "{n_certificates}");
        assert!(pem.lines().all(|it| it.len() <= PEM_LINE_BYTES));
    }
}
