//! Gives the linker the target's memory.

use std::path::PathBuf;
use std::{env, fs};

/// QEMU's mps2-an386.
const CORTEX_M: &str = "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 4M  RAM : ORIGIN = 0x20000000, LENGTH = 4M }";
/// QEMU's virt.
const RISC_V: &str = r#"
MEMORY { RAM : ORIGIN = 0x80000000, LENGTH = 16M }
REGION_ALIAS("REGION_TEXT", RAM);
REGION_ALIAS("REGION_RODATA", RAM);
REGION_ALIAS("REGION_DATA", RAM);
REGION_ALIAS("REGION_BSS", RAM);
REGION_ALIAS("REGION_HEAP", RAM);
REGION_ALIAS("REGION_STACK", RAM);
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let memory = match env::var("CARGO_CFG_TARGET_ARCH")?.as_str() {
        "arm" => CORTEX_M,
        "riscv32" => RISC_V,
        _ => return Ok(()),
    };
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("memory.x"), memory)?;
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
