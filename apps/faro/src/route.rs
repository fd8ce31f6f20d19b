//! What requests are told apart by, in metrics, traces and the log: few methods and few routes, each with its number.

use axum::http;

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", OTHER];
/// The patterns, so that metrics have as many lines as there are routes; the probes come first.
const PATTERNS: [&str; 12] = [
    "/health",
    "/livez",
    "/readyz",
    "/startupz",
    "/",
    "/version",
    "/env",
    "/docs",
    "/openapi.json",
    USERS,
    USER,
    OTHER,
];
const N_PROBES: usize = 4;
const USERS: &str = "/api/users";
const USER: &str = "/api/users/{id}";
const OTHER: &str = "other";

/// A method that is known, or `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method(usize);

impl Method {
    pub(crate) const N: usize = METHODS.len();

    pub(crate) fn of(method: &http::Method) -> Self {
        let name = method.as_str();
        Self(METHODS.iter().position(|it| *it == name).unwrap_or(Self::N - 1))
    }

    pub(crate) fn name(self) -> &'static str {
        METHODS[self.0]
    }

    pub(crate) fn idx(self) -> usize {
        self.0
    }
}

/// A route of the service port, or `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route(usize);

impl Route {
    pub(crate) const N: usize = PATTERNS.len();

    /// As the router decides it.
    pub(crate) fn of(path: &str) -> Self {
        let pattern = match path.strip_prefix(USERS) {
            None => path,
            Some("" | "/") => USERS,
            Some(rest) => match rest.strip_prefix('/').map(|it| it.strip_suffix('/').unwrap_or(it))
            {
                Some(id) if !id.is_empty() && !id.contains('/') => USER,
                _ => OTHER,
            },
        };
        Self(PATTERNS.iter().position(|it| *it == pattern).unwrap_or(Self::N - 1))
    }

    pub(crate) fn pattern(self) -> &'static str {
        PATTERNS[self.0]
    }

    pub(crate) fn idx(self) -> usize {
        self.0
    }

    /// Whether it is asked by those who look after the process, and not by users.
    pub(crate) fn is_probe(self) -> bool {
        self.0 < N_PROBES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_the_route_that_the_router_takes() {
        for (path, expect) in [
            ("/", "/"),
            ("/health", "/health"),
            ("/startupz", "/startupz"),
            ("/health/", OTHER),
            ("", OTHER),
            ("/api/users", USERS),
            ("/api/users/", USERS),
            ("/api/users/7", USER),
            ("/api/users/%20/", USER),
            ("/api/users/7/8", OTHER),
            ("/api/users//", OTHER),
            ("/api/users//7", OTHER),
            ("/api/users7", OTHER),
            ("other", OTHER),
            (USER, USER),
        ] {
            assert_eq!(Route::of(path).pattern(), expect, "{path}");
        }
        let probes = PATTERNS.iter().copied().filter(|it| Route::of(it).is_probe());
        assert_eq!(probes.collect::<Vec<_>>(), ["/health", "/livez", "/readyz", "/startupz"]);
    }

    #[test]
    fn methods_that_nobody_knows_are_one() {
        assert_eq!(Method::of(&http::Method::PATCH).name(), "PATCH");
        assert_eq!(Method::of(&http::Method::from_bytes(b"BREW").unwrap()).name(), OTHER);
    }
}
