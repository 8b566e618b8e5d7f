//! Gives the linker the machine's memory, and says which machine it is.

use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let is_microbit = env::var("TARGET")?.starts_with("thumbv6m-");
    let memory = if is_microbit { "memory/microbit.x" } else { "memory/mps2-an386.x" };
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::copy(memory, out.join("memory.x"))?;
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-check-cfg=cfg(microbit)");
    if is_microbit {
        println!("cargo::rustc-cfg=microbit");
    }
    println!("cargo::rustc-link-arg-bin=firmware=-Tdefmt.x");
    println!("cargo::rerun-if-changed={memory}");
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}
