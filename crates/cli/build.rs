//! Has the linker lay the functions that `chart template` runs side by side: fewer pages to map at every start.
#![expect(clippy::disallowed_methods, reason = "cargo tells a build script by the environment")]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=order.ld");
    let is = |name, value| env::var(name).is_ok_and(|it| it == value);
    // Where the list was made: elsewhere, and without optimization, other functions are there.
    let is_listed = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ARCH", "x86_64");
    if is_listed && is("PROFILE", "release") {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}/order.ld", env!("CARGO_MANIFEST_DIR"));
    }
}
