//! What every faro does, whatever keeps its visits and users: run on SQLite here, on Redis and PostgreSQL end to end.

use std::{collections::BTreeSet, thread};

use serde_json::{Value, json};

use super::client::{Answer, Client};

/// The whole suite, on stores that nobody else uses.
pub(crate) fn all(client: &Client) {
    for part in [
        greeting,
        visitors_at_once,
        health,
        about,
        life_of_a_user,
        preconditions,
        what_is_wrong_is_named,
        keys_of_requests,
        pages,
        filters,
        one_dni_at_once,
        strange_requests,
    ] {
        part(client);
    }
}

fn number(answer: &Answer) -> i64 {
    answer.header("x-faro-visits").unwrap().parse().unwrap()
}

fn greeting(client: &Client) {
    let first = client.get("/");
    let n = number(&first);
    assert!(first.body.ends_with(&format!(" I have been seen {n} times.\n")), "{first:?}");
    assert_eq!(first.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(first.header("vary"), Some("accept"));

    let head = client.ask("HEAD", "/", &[], "");
    assert_eq!((head.status, number(&head), head.body.as_str()), (200, n, ""));

    let json = client.ask("GET", "/", &[("accept", "application/json")], "");
    assert_eq!(json.json()["visits"], n + 1);
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = client.ask("GET", "/", &[("accept", browser)], "");
    assert!(
        page.body.contains(&format!(">{}</output>", n + 2)) && !page.body.contains("[["),
        "{}",
        page.body
    );
    assert!(page.header("content-security-policy").is_some());
    let problem = client.ask("POST", "/", &[], "");
    problem.problem(405);
    assert_eq!(problem.header("allow"), Some("GET,HEAD"));
}

fn visitors_at_once(client: &Client) {
    let before = number(&client.ask("HEAD", "/", &[], ""));
    let numbers = BTreeSet::from_iter(
        at_once(16, |_| (0..10).map(|_| number(&client.get("/"))).collect::<Vec<_>>())
            .into_iter()
            .flatten(),
    );
    assert_eq!(numbers, (before + 1..=before + 160).collect());
}

/// Runs the same on many threads, and gathers what they return.
fn at_once<T: Send>(n_threads: i64, run: impl Fn(i64) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let run = &run;
        let tasks: Vec<_> = (0..n_threads).map(|it| scope.spawn(move || run(it))).collect();
        tasks.into_iter().map(|it| it.join().unwrap()).collect()
    })
}

fn health(client: &Client) {
    assert_eq!(client.get("/health").body, "faro is ready!");
    let json = client.ask("GET", "/health", &[("accept", "application/json")], "");
    assert_eq!(json.json()["message"], "faro is ready!");
    assert_eq!(client.get("/livez").status, 200);
    assert_eq!(client.get("/startupz").status, 200);
    assert!(client.get("/readyz").body.starts_with("ok\ncounter ("));
    let ready = client.ask("GET", "/readyz", &[("accept", "application/json")], "").json();
    for name in ["counter", "users"] {
        assert_eq!(ready["checks"][name]["status"], "up", "{ready}");
    }
}

fn about(client: &Client) {
    assert_eq!(client.get("/version").json()["name"], "faro");
    let prod = client.get("/env").json()["PROD"].clone();
    assert!(prod == "true" || prod == "false", "{prod}");
    assert!(client.get("/docs").body.contains("openapi.json"));
    client.get("/nowhere").problem(404);
    let echoed = client.ask("GET", "/health", &[("x-request-id", "mine-1")], "");
    assert_eq!(echoed.header("x-request-id"), Some("mine-1"));
    let replaced = client.ask("GET", "/health", &[("x-request-id", "no <good>")], "");
    assert_ne!(replaced.header("x-request-id"), Some("no <good>"));
}

#[track_caller]
fn create(client: &Client, dni: &str, name: &str) -> (String, Answer) {
    let answer = client.send("POST", "/api/users", &json!({"dni": dni, "name": name}));
    assert_eq!(answer.status, 201, "{answer:?}");
    (answer.header("location").unwrap().to_owned(), answer)
}

fn life_of_a_user(client: &Client) {
    let (location, created) = create(client, "12345678-Z", "Ana María");
    let user = created.json();
    assert_eq!(location, format!("/api/users/{}", user["id"]));
    assert_eq!((&user["dni"], &user["name"]), (&json!("12345678-Z"), &json!("Ana María")));
    assert_eq!(user["created_at"], user["updated_at"]);
    for path in [location.clone(), format!("{location}/")] {
        let found = client.get(&path);
        assert_eq!((found.json(), found.header("etag")), (user.clone(), created.header("etag")));
    }

    // What an answer says can be sent back.
    let mut changed = user.clone();
    changed["name"] = "Ana".into();
    let replaced = client.send("PUT", &location, &changed);
    assert_eq!(replaced.json()["name"], "Ana");
    assert_eq!(replaced.json()["created_at"], user["created_at"]);
    assert_ne!(replaced.header("etag"), created.header("etag"));

    let merge = [("content-type", "application/merge-patch+json")];
    let patched = client.ask("PATCH", &location, &merge, r#"{"dni":"87654321-X"}"#).json();
    assert_eq!((&patched["dni"], &patched["name"]), (&json!("87654321-X"), &json!("Ana")));
    let same = client.send("PATCH", &location, &json!({}));
    assert_eq!(same.json(), patched);

    let (other, _) = create(client, "taken", "B");
    let conflict = client.send("PATCH", &other, &json!({"dni": "87654321-X"})).problem(409);
    assert_eq!(conflict["errors"][0]["field"], "dni");
    client.send("POST", "/api/users/", &json!({"dni": "taken", "name": "C"})).problem(409);

    for path in [&location, &other] {
        let deleted = client.ask("DELETE", path, &[], "");
        assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
        client.get(path).problem(404);
        client.ask("DELETE", path, &[], "").problem(404);
        client.send("PUT", path, &json!({"dni": "x", "name": "x"})).problem(404);
        client.send("PATCH", path, &json!({})).problem(404);
    }
}

fn preconditions(client: &Client) {
    let (location, created) = create(client, "etag", "E");
    let etag = created.header("etag").unwrap();
    let not_modified = client.ask("GET", &location, &[("if-none-match", etag)], "");
    assert_eq!((not_modified.status, not_modified.body.as_str()), (304, ""));
    let weak = format!("\"x\", W/{etag}");
    assert_eq!(client.ask("GET", &location, &[("if-none-match", &weak)], "").status, 304);
    assert_eq!(client.ask("GET", &location, &[("if-none-match", "\"x\"")], "").status, 200);

    let put = |etag: &str, name: &str| {
        let headers = [("content-type", "application/json"), ("if-match", etag)];
        client.ask("PUT", &location, &headers, &json!({"dni": "etag", "name": name}).to_string())
    };
    let changed = put(etag, "F");
    assert_eq!(changed.status, 200);
    put(etag, "G").problem(412);
    put(&format!("W/{}", changed.header("etag").unwrap()), "G").problem(412);
    client.ask("PATCH", &location, &[("if-match", etag)], "{}").problem(412);
    client.ask("DELETE", &location, &[("if-match", etag)], "").problem(412);
    assert_eq!(put("*", "H").status, 200);

    // Of those who change the same state at once, one does.
    let etag = client.get(&location).header("etag").unwrap().to_owned();
    let all = at_once(8, |it| put(&etag, &format!("at once {it}")).status);
    assert_eq!(all.iter().filter(|it| **it == 200).count(), 1, "{all:?}");
    assert!(all.iter().all(|it| [200, 412].contains(it)), "{all:?}");
    assert_eq!(client.ask("DELETE", &location, &[], "").status, 204);
}

fn fields(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().filter_map(|it| it["field"].as_str()).collect()
}

fn what_is_wrong_is_named(client: &Client) {
    let post = |body: &Value| client.send("POST", "/api/users", body);
    assert_eq!(fields(&post(&json!({})).problem(422)), ["dni", "name"]);
    let problem = post(&json!({"dni": "a b", "name": "", "age": 7})).problem(422);
    assert_eq!(fields(&problem), ["age", "dni", "name"]);
    assert_eq!(problem["errors"][1]["pointer"], "#/dni");
    assert!(problem["detail"].as_str().unwrap().contains("`dni`"), "{problem}");
    post(&json!({"dni": "x", "name": "nul\u{0}"})).problem(422);
    post(&json!([])).problem(422);
    let ask = |content_type: &str, body: &str| {
        client.ask("POST", "/api/users", &[("content-type", content_type)], body)
    };
    ask("application/json", "{").problem(400);
    ask("application/json", "").problem(400);
    ask("application/json", "{\"dni\":\"\u{7f}\\ud800\"}").problem(400);
    ask("text/plain", "{}").problem(415);
    ask("application/json", &format!("\"{}\"", "x".repeat(70_000))).problem(413);
    for id in ["0", "-1", "x", "01", "99999999999999999999", "9223372036854775807"] {
        client.get(&format!("/api/users/{id}")).problem(404);
    }
    client.get("/api/users/%ff").problem(400);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("cursor=1", "cursor"),
        ("dni=%00", "dni"),
        ("name=%00", "name"),
        ("limit=1&limit=2", "limit"),
        ("nmae=x", "nmae"),
    ] {
        let problem = client.get(&format!("/api/users?{query}")).problem(400);
        assert_eq!(fields(&problem), [field], "{query}");
    }
    client.ask("PUT", "/api/users", &[], "").problem(405);
}

fn keys_of_requests(client: &Client) {
    // Keys are kept for a day, and the suite may run twice on the same stores.
    let run = number(&client.get("/"));
    let post = |key: &str, dni: &str| {
        let key = if key.contains(' ') { key.to_owned() } else { format!("{run}-{key}") };
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        client.ask("POST", "/api/users", &headers, &json!({"dni": dni, "name": "K"}).to_string())
    };
    let first = post("key-1", "key-1");
    let again = post("key-1", "key-1");
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!((first.json(), first.header("etag")), (again.json(), again.header("etag")));
    assert_eq!(
        (first.header("idempotency-replayed"), again.header("idempotency-replayed")),
        (None, Some("true"))
    );
    post("key-1", "other").problem(422);
    post("not good", "other").problem(400);
    // A request that failed may be sent again with its key.
    post("key-2", "key-1").problem(409);
    assert_eq!(post("key-2", "key-2").status, 201);

    let ids = at_once(8, |_| post("key-3", "key-3").json()["id"].clone());
    assert!(ids[0].is_i64() && ids.iter().all(|it| *it == ids[0]), "{ids:?}");
    for dni in ["key-1", "key-2", "key-3"] {
        let page = client.get(&format!("/api/users?dni={dni}")).json();
        let id = &page["items"][0]["id"];
        assert_eq!(client.ask("DELETE", &format!("/api/users/{id}"), &[], "").status, 204);
    }
}

fn pages(client: &Client) {
    assert_eq!(client.get("/api/users").json(), json!({"items": [], "next": null}));
    let made: Vec<String> = (0..7).map(|it| create(client, &format!("page-{it}"), "P").0).collect();
    let (mut seen, mut path) = (Vec::new(), "/api/users?limit=3".to_owned());
    loop {
        let page = client.get(&path).json();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|it| format!("/api/users/{}", it["id"])));
        let Some(next) = page["next"].as_str() else { break };
        assert_eq!(items.len(), 3);
        path = format!("/api/users/?limit=3&cursor={next}");
    }
    assert_eq!(seen, made);
    assert_eq!(client.get("/api/users?limit=7").json()["next"], Value::Null);
    for path in made {
        client.ask("DELETE", &path, &[], "");
    }
}

fn filters(client: &Client) {
    let names = ["Ana Ñandú", "ana_1", "Banana", "100%", "Ölaf!"];
    let dnis = ["f-0", "f-1", "f-2", "f-3", "f-4"];
    let made: Vec<String> =
        names.iter().zip(dnis).map(|(name, dni)| create(client, dni, name).0).collect();
    for (query, expect) in [
        ("name=ana", vec!["Ana Ñandú", "ana_1", "Banana"]),
        ("name=%C3%B1and", vec!["Ana Ñandú"]),
        ("name=%C3%91AND", vec!["Ana Ñandú"]),
        ("name=%C3%96", vec!["Ölaf!"]),
        ("name=_", vec!["ana_1"]),
        ("name=%25", vec!["100%"]),
        ("name=!", vec!["Ölaf!"]),
        ("name=%27", vec![]),
        ("dni=f-2", vec!["Banana"]),
        ("dni=F-2", vec![]),
        ("dni=f-2&name=ban", vec!["Banana"]),
        ("dni=f-2&name=x", vec![]),
    ] {
        let page = client.get(&format!("/api/users?{query}")).json();
        let found: Vec<&str> =
            page["items"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
        assert_eq!(found, expect, "{query}");
    }
    for path in made {
        client.ask("DELETE", &path, &[], "");
    }
}

fn one_dni_at_once(client: &Client) {
    let body = json!({"dni": "once", "name": "O"});
    let all = at_once(12, |_| client.send("POST", "/api/users", &body).status);
    assert_eq!(all.iter().filter(|it| **it == 201).count(), 1, "{all:?}");
    assert!(all.iter().all(|it| [201, 409].contains(it)), "{all:?}");
    let id = client.get("/api/users?dni=once").json()["items"][0]["id"].clone();
    client.ask("DELETE", &format!("/api/users/{id}"), &[], "");
}

fn strange_requests(client: &Client) {
    for bytes in [
        b"\r\n\r\n\x00\xff".as_slice(),
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /api/users HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /api/users HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let answer = client.raw(bytes);
        let text = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || text.starts_with("HTTP/1.1 4") || text.starts_with("HTTP/1.0 4"),
            "{text}"
        );
    }
    assert_eq!(client.get("/health").status, 200);
}
