//! Says whether the target is a Cortex-M with a floating-point unit, which no stable `cfg` tells from a Cortex-R.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var("TARGET").unwrap_or_default();
    let is_cortex_m = target.starts_with("thumbv7em-") || target.starts_with("thumbv8m.main-");
    if is_cortex_m && target.ends_with("eabihf") {
        println!("cargo::rustc-cfg=cygnet_cortex_m");
    }
}
