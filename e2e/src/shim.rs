//! A program that can only be a pod's shim.

fn main() {
    sandbox::run_if_shim();
}
