//! axum with nothing around it: what `cargo xtask bench faro` compares with.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a program that serves")]

use axum::{Router, routing::get};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let router = Router::new().route("/health", get(async || "faro is ready!"));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, router).await
}
