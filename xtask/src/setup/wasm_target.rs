//! Gives Rust the wasm target: by rustup where it can, else by Debian's rustc-web and a std built from its sources.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::apt;
use crate::process::{run_logged, run_shown};
use crate::tools::{DEBIAN_TOOLCHAIN, Pins, WASM_TARGET, WasmToolchain, linker_of, target_dir};

/// The linker of Debian's lld-22.
const DEBIAN_LLD: &str = "/usr/lib/llvm-22/bin/lld";
/// Where Debian's rustc looks for the std of a target.
const DEBIAN_LIBDIR: &str = "/usr/lib/rustlib/wasm32-unknown-unknown/lib";

pub(super) fn install(pins: &Pins) -> Result<()> {
    let by_rustup = run_logged("rustup-target-add", Command::new("rustup").args(["target", "add", WASM_TARGET]))
        .and_then(|()| {
            run_logged("rustup-component-add", Command::new("rustup").args(["component", "add", "rust-src"]))
        });
    let Err(refused) = by_rustup else { return Ok(()) };
    println!("      rustup cannot add the target here; taking Debian's rustc-web instead");
    let packages = apt::missing(&pins.apt_rust_web)?;
    if !packages.is_empty() {
        apt::install("rust-web", &packages).with_context(|| {
            format!("`rustup target add {WASM_TARGET}` failed, and so did the way round it ({refused:#})")
        })?;
    }
    println!("      building std for wasm (about a minute)");
    let built = build_std()?;
    copy_std(&built)?;
    link_linker()?;
    run_shown(Command::new("rustup").args(["toolchain", "link", DEBIAN_TOOLCHAIN, "/usr"]))?;
    if WasmToolchain::find().is_none() {
        bail!("std was built and linked, but rustc still finds no {WASM_TARGET}; see {DEBIAN_LIBDIR}");
    }
    Ok(())
}

/// Builds std once, in a scratch package, and returns the folder of its libraries.
fn build_std() -> Result<PathBuf> {
    let scratch = target_dir().join("wasm-std");
    std::fs::create_dir_all(scratch.join("src"))?;
    std::fs::write(
        scratch.join("Cargo.toml"),
        "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n",
    )?;
    std::fs::write(scratch.join("src/lib.rs"), "")?;
    let mut command = Command::new("/usr/bin/cargo");
    command
        .current_dir(&scratch)
        .args(["build", "--release", "--target", WASM_TARGET, "-Zbuild-std=std,panic_abort,proc_macro,test"])
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", scratch.join("target"));
    run_logged("build-wasm-std", &mut command)?;
    Ok(scratch.join("target").join(WASM_TARGET).join("release/deps"))
}

/// Debian's rustc calls `rust-lld`, which its packages do not ship, or ship as a link to a linker that may be missing.
fn link_linker() -> Result<()> {
    let linker = linker_of(Path::new("/usr"));
    if linker.exists() {
        return Ok(());
    }
    // A link that leads nowhere is in the way.
    std::fs::remove_file(&linker).ok();
    let folder = linker.parent().context("a linker has a folder")?;
    std::fs::create_dir_all(folder).and_then(|()| std::os::unix::fs::symlink(DEBIAN_LLD, &linker)).with_context(|| {
        format!("run this as root: mkdir -p {} && ln -sf {DEBIAN_LLD} {}", folder.display(), linker.display())
    })
}

fn copy_std(built: &Path) -> Result<()> {
    std::fs::create_dir_all(DEBIAN_LIBDIR).with_context(|| {
        format!("run this as root: mkdir -p {DEBIAN_LIBDIR} && cp {}/*.rlib {DEBIAN_LIBDIR}", built.display())
    })?;
    for entry in std::fs::read_dir(built)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libscratch") {
            std::fs::copy(entry.path(), Path::new(DEBIAN_LIBDIR).join(&name))?;
        }
    }
    Ok(())
}
