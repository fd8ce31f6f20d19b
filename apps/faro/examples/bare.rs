//! axum with nothing around it: what `cargo xtask bench faro` compares with.
//!
//! With the address of a Redis as its argument, `/` counts visits there, a command for each.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a program that serves")]

use std::error::Error;

use axum::{Router, routing::get};
use redis::{Client, cmd};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut router = Router::new().route("/health", get(async || "faro is ready!"));
    if let Some(url) = std::env::args().nth(1) {
        let connection = Client::open(url)?.get_multiplexed_async_connection().await?;
        let visit = async move || {
            let number = cmd("INCR").arg("bare").query_async::<i64>(&mut connection.clone()).await;
            number.map_or_else(|it| it.to_string(), |it| format!("I have been seen {it} times.\n"))
        };
        router = router.route("/", get(visit));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}
