//! The mock server as npm packages, as esbuild and Biome have them: one with the command and the helper for tests, and one with the program
//! for each platform, of which npm installs the one that fits.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::process::{output_of, run_logged};
use crate::tools::{root, target_dir};

const NAME: &str = "gatepass-mock-server";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Builds both packages for this machine and packs them; returns the folder of the tarballs.
pub(crate) fn pack() -> Result<PathBuf> {
    let folder = target_dir().join("mock-server");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let (platform, arch) = platform()?;
    let program = build()?;

    let binary = format!("{NAME}-{platform}-{arch}");
    let file = program.file_name().context("the program has a name")?.to_owned();
    let package = json!({
        "name": binary,
        "version": VERSION,
        "description": format!("The program of {NAME} for {platform} on {arch}"),
        "license": "MIT OR Apache-2.0",
        "os": [platform],
        "cpu": [arch],
        "files": [file.to_string_lossy()],
        "preferUnplugged": true,
    });
    stage(&folder.join(&binary), &package, &[(&program, &file.to_string_lossy())])?;

    let sources = root().join("crates").join(NAME);
    let mut package: Value = serde_json::from_slice(&std::fs::read(sources.join("npm/package.json"))?)?;
    package["version"] = VERSION.into();
    let platforms = package["optionalDependencies"].as_object_mut().context("npm/package.json: the platforms")?;
    if !platforms.contains_key(&binary) {
        bail!("crates/{NAME}/npm/package.json has no {binary} among `optionalDependencies`");
    }
    platforms.values_mut().for_each(|version| *version = VERSION.into());
    let files = ["binary.js", "command.js", "index.js", "index.d.ts"];
    let scripts: Vec<_> = files.iter().map(|name| (sources.join("npm").join(name), *name)).collect();
    let mut all: Vec<(&Path, &str)> = scripts.iter().map(|(path, name)| (path.as_path(), *name)).collect();
    let readme = sources.join("README.md");
    all.push((&readme, "README.md"));
    stage(&folder.join(NAME), &package, &all)?;

    for name in [NAME, &binary] {
        let tarball = output_of(
            Command::new("npm")
                .current_dir(folder.join(name))
                .args(["pack", "--silent", "--pack-destination"])
                .arg(&folder),
        )?;
        println!("target/mock-server/{}", tarball.trim());
    }
    Ok(folder)
}

/// The names of this machine in npm: `process.platform` and `process.arch`.
fn platform() -> Result<(&'static str, &'static str)> {
    let platform = match std::env::consts::OS {
        "linux" => "linux",
        "macos" => "darwin",
        "windows" => "win32",
        other => bail!("npm has no package for {other}"),
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => bail!("npm has no package for {other}"),
    };
    Ok((platform, arch))
}

/// Builds the program. On Linux it brings its C library along, so that it runs with every version of glibc, and with musl.
fn build() -> Result<PathBuf> {
    let host = output_of(Command::new("rustc").arg("--version").arg("--verbose"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names its host")?;
    let target = target_dir().join("mock-server-build");
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(["build", "--locked", "--profile", "program", "--package", NAME]);
    // With a target, flags are not for build scripts and macros.
    command.args(["--target", host]).arg("--target-dir").arg(&target);
    if host.contains("linux") {
        command.env("RUSTFLAGS", "-C target-feature=+crt-static");
    }
    run_logged("mock-server", &mut command)?;
    Ok(target.join(host).join("program").join(format!("{NAME}{}", std::env::consts::EXE_SUFFIX)))
}

/// Writes a package into a folder, with the licences.
fn stage(folder: &Path, package: &Value, files: &[(&Path, &str)]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("package.json"), format!("{package:#}\n"))?;
    let licences = ["LICENSE-APACHE", "LICENSE-MIT"].map(|name| (root().join(name), name));
    let licences = licences.iter().map(|(path, name)| (path.as_path(), *name));
    for (from, name) in files.iter().copied().chain(licences) {
        std::fs::copy(from, folder.join(name)).with_context(|| from.display().to_string())?;
    }
    Ok(())
}
