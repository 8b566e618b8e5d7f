//! The program has its own entry point, which nobody runs.

fn main() {
    println!("cargo::rustc-link-arg=-nostartfiles");
}
