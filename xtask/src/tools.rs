//! Where everything is: the repository, the pinned tools, and the environment in which wasm is built.
//!
//! Versions come from `[workspace.metadata.tools]` in Cargo.toml; wasm-bindgen's comes from Cargo.lock, because the
//! command must equal the library.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The rustup name under which Debian's Rust is linked where rustup cannot add the wasm target.
pub(crate) const DEBIAN_TOOLCHAIN: &str = "gatepass-wasm";
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// `[workspace.metadata.tools]` of the root Cargo.toml.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Pins {
    pub(crate) wasm_pack: String,
    pub(crate) geckodriver: String,
    pub(crate) cargo_mutants: String,
    pub(crate) apt_browsers: Vec<String>,
    pub(crate) apt_servers: Vec<String>,
    pub(crate) apt_rust_web: Vec<String>,
}

impl Pins {
    pub(crate) fn read() -> Result<Self> {
        let text = std::fs::read_to_string(root().join("Cargo.toml"))?;
        let manifest: toml::Table = text.parse()?;
        let tools = manifest
            .get("workspace")
            .and_then(|table| table.get("metadata"))
            .and_then(|table| table.get("tools"))
            .context("Cargo.toml has no [workspace.metadata.tools]")?;
        tools.clone().try_into().context("in [workspace.metadata.tools] of Cargo.toml")
    }
}

/// The version of a crate in Cargo.lock.
pub(crate) fn locked_version(crate_name: &str) -> Result<String> {
    let lock: toml::Table = std::fs::read_to_string(root().join("Cargo.lock"))?.parse()?;
    let packages = lock.get("package").and_then(toml::Value::as_array).context("Cargo.lock has no packages")?;
    packages
        .iter()
        .find(|package| package.get("name").and_then(toml::Value::as_str) == Some(crate_name))
        .and_then(|package| package.get("version")?.as_str().map(str::to_owned))
        .with_context(|| format!("{crate_name} is not in Cargo.lock"))
}

/// The repository. Cargo names it at run time, so that a copy of a clone builds itself, not the original.
pub(crate) fn root() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    manifest.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// `target/`, where every product of a run goes: logs, the staged demo, screenshots.
pub(crate) fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Tools outlive a clone: they are in the user's cache, one folder per name and version.
pub(crate) fn cache_dir() -> Result<PathBuf> {
    let base = match (std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")) {
        (Some(cache), _) if !cache.is_empty() => PathBuf::from(cache),
        (_, Some(home)) => PathBuf::from(home).join(".cache"),
        (_, None) => bail!("neither XDG_CACHE_HOME nor HOME is set: cannot tell where to keep tools"),
    };
    Ok(base.join("gatepass"))
}

/// A tool built by `cargo install`: which crate, which version, which programs.
#[derive(Debug)]
pub(crate) struct CargoTool {
    pub(crate) crate_name: &'static str,
    pub(crate) version: String,
    pub(crate) programs: &'static [&'static str],
}

impl CargoTool {
    pub(crate) fn wasm_pack(pins: &Pins) -> Self {
        Self { crate_name: "wasm-pack", version: pins.wasm_pack.clone(), programs: &["wasm-pack"] }
    }

    /// Of the version of the library in Cargo.lock.
    pub(crate) fn wasm_bindgen() -> Result<Self> {
        let programs = &["wasm-bindgen", "wasm-bindgen-test-runner"];
        Ok(Self { crate_name: "wasm-bindgen-cli", version: locked_version("wasm-bindgen")?, programs })
    }

    pub(crate) fn geckodriver(pins: &Pins) -> Self {
        Self { crate_name: "geckodriver", version: pins.geckodriver.clone(), programs: &["geckodriver"] }
    }

    pub(crate) fn folder(&self) -> Result<PathBuf> {
        Ok(cache_dir()?.join("tools").join(format!("{}-{}", self.crate_name, self.version)))
    }

    pub(crate) fn is_installed(&self) -> Result<bool> {
        let bin = self.folder()?.join("bin");
        Ok(self.programs.iter().all(|program| bin.join(program).is_file()))
    }
}

/// Which Rust builds wasm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WasmToolchain {
    /// The toolchain in use has the target, as `rustup target add` leaves it.
    InUse,
    /// Debian's rustc-web, linked into rustup as [`DEBIAN_TOOLCHAIN`].
    Debian,
}

impl WasmToolchain {
    /// Returns the toolchain that can build wasm now, if any: one with std for wasm, with the sources of std (the package's
    /// own is built for size), and with a linker.
    pub(crate) fn find() -> Option<Self> {
        let is_complete = |toolchain: Option<&str>| {
            let sysroot = rustc_prints(toolchain, &["--print", "sysroot"]).map(PathBuf::from)?;
            let libdir = rustc_prints(toolchain, &["--print", "target-libdir", "--target", WASM_TARGET])?;
            let entries = std::fs::read_dir(libdir).ok()?;
            let has_std = entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"));
            let has_sources = sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file();
            (has_std && has_sources && linker_of(&sysroot).exists()).then_some(())
        };
        if is_complete(None).is_some() {
            return Some(Self::InUse);
        }
        is_complete(Some(DEBIAN_TOOLCHAIN)).map(|()| Self::Debian)
    }
}

/// Where rustc looks for the linker of the wasm target.
pub(crate) fn linker_of(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(format!("{}-unknown-linux-gnu", std::env::consts::ARCH)).join("bin/rust-lld")
}

fn rustc_prints(toolchain: Option<&str>, args: &[&str]) -> Option<String> {
    let mut rustc = Command::new("rustc");
    rustc.args(args);
    if let Some(toolchain) = toolchain {
        rustc.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    let output = rustc.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A command that finds the pinned tools first on PATH and builds wasm with the right toolchain.
pub(crate) fn wasm_command(program: &str) -> Result<Command> {
    let pins = Pins::read()?;
    let mut folders = Vec::new();
    for tool in [CargoTool::wasm_pack(&pins), CargoTool::wasm_bindgen()?, CargoTool::geckodriver(&pins)] {
        folders.push(tool.folder()?.join("bin"));
    }
    folders.push(root().join("node_modules/.bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    // A relative program name is searched on this process's PATH, so it is resolved here.
    let found = folders.iter().map(|folder| folder.join(program)).find(|file| file.is_file());
    let mut command = Command::new(found.unwrap_or_else(|| PathBuf::from(program)));
    command.current_dir(root()).env("PATH", std::env::join_paths(folders)?);
    match WasmToolchain::find() {
        Some(WasmToolchain::InUse) => {}
        Some(WasmToolchain::Debian) => {
            command.env("RUSTUP_TOOLCHAIN", DEBIAN_TOOLCHAIN);
            // `cargo xtask` runs under the native toolchain, whose variables would win over the one named here.
            command.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTDOC");
        }
        None => bail!("no Rust toolchain here can build {WASM_TARGET}: run `cargo xtask setup`"),
    }
    Ok(command)
}
