//! The C loops, as a C programmer would build them.

fn main() {
    println!("cargo::rerun-if-changed=src/loops.c");
    cc::Build::new().file("src/loops.c").opt_level(3).flag("-march=native").flag("-ffp-contract=off").compile("loops");
}
