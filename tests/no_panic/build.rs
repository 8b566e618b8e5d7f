//! The program has its own entry point, which nobody runs; a system's linker would add another.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os != "none") {
        println!("cargo::rustc-link-arg=-nostartfiles");
    }
}
