//! The package as its users get it: packed, installed into an empty project, type-checked, loaded in Chromium.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::examples::Example;
use crate::process::{Server, output_of, run_logged, run_recorded};
use crate::tools::{root, target_dir, wasm_command};
use crate::{demo, docs, fuzz, mock_server};

use super::Engine;

/// The package has what package.json promises (publint, arethetypeswrong).
pub(super) fn well_formed() -> Result<()> {
    let folder = target_dir().join("packed");
    std::fs::create_dir_all(&folder)?;
    let tarball = pack_into(&folder)?;
    run_logged("publint", wasm_command("publint")?.arg("--strict").arg(&tarball)).context("publint")?;
    // Angular and its packages are modules only, and the entry for Node is one. The wasm has no types.
    let mut command = wasm_command("attw")?;
    command.arg(&tarball).args([
        "--profile",
        "node16",
        "--exclude-entrypoints",
        "core_bg.wasm",
        "angular",
        "node",
        "vite",
    ]);
    run_logged("attw", &mut command).context("arethetypeswrong")
}

/// Everything public says what it is, no link of the docs leads nowhere, and the site is there for those who walk through it.
fn documented() -> Result<()> {
    docs::reference()?;
    docs::site().map(|_| ())
}

/// The published types hold on a strict sample, as Node and as bundlers find them, and on the docs' examples.
pub(super) fn types() -> Result<()> {
    for [resolution, module] in [["node16", "node16"], ["bundler", "esnext"]] {
        let mut command = wasm_command("tsc")?;
        command.args(["--project", "tests/npm/tsconfig.json", "--moduleResolution", resolution, "--module", module]);
        run_logged("tsc-types", &mut command).with_context(|| {
            format!("the sample in tests/npm/types.ts does not compile against the package's types ({resolution})")
        })?;
    }
    // Within the package, where it can import the package by its name.
    let folder = root().join("target/docs");
    std::fs::create_dir_all(&folder)?;
    let mut pages = vec![root().join("README.md")];
    for folder in ["docs", "docs/guides", "docs/schemes"] {
        pages.extend(std::fs::read_dir(root().join(folder))?.flatten().map(|entry| entry.path()));
    }
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    let mut files = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page)?;
        let name = page.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // A module of its own, so that names do not meet; with the name of a file where it has one: ```ts [src/main.ts]
        for (index, block) in text.split("\n```ts").skip(1).enumerate() {
            let Some((title, code)) = block.split_once('\n') else { continue };
            let named = title.trim().strip_prefix('[').and_then(|title| title.strip_suffix(']'));
            let mut file =
                named.map_or_else(|| format!("{}-{name}-{index}.ts", files.len()), |named| format!("{name}/{named}"));
            // Another section of the page may have a file of that name.
            if files.contains(&file) {
                file = format!("{index}-{file}");
            }
            let path = folder.join(&file);
            std::fs::create_dir_all(path.parent().unwrap_or(&folder))?;
            std::fs::write(path, code.split("```").next().unwrap_or_default())?;
            files.push(file);
        }
    }
    if files.len() < 2 {
        bail!("the docs have no examples in TypeScript");
    }
    let config = format!(
        r#"{{"extends": "../../tests/npm/tsconfig.json", "compilerOptions": {{"experimentalDecorators": true, "skipLibCheck": true, "module": "esnext", "moduleResolution": "bundler", "types": ["node"], "paths": {{"gatepass-mock-server": ["../../crates/gatepass-mock-server/npm/index.d.ts"]}}}}, "files": {files:?}}}"#
    );
    std::fs::write(folder.join("tsconfig.json"), config)?;
    run_logged("tsc-docs", wasm_command("tsc")?.args(["--project", "target/docs/tsconfig.json"]))
        .context("an example in the docs does not compile against the package's types")
}

pub(super) fn run() -> Result<()> {
    documented()?;
    let project = pack_and_install()?;
    let packages = mock_server::pack()?;
    install(&project, &tarballs(&packages)?)?;
    let demo = demo::stage()?;
    for example in Example::value_variants() {
        // Beside the demo, so that they are of the server's origin.
        std::fs::rename(example.build(&project)?, demo.join(example.name()))?;
    }
    let replay = replay()?;
    let server = Server::start_two(super::mock_server()?.arg("--files").arg(demo))?;
    let mut command = Command::new("node");
    command
        .current_dir(root())
        .args(["--test", "--test-reporter", "spec", "--test-concurrency", "1", "--test-timeout", "240000"])
        .args(super::test_files("tests/npm")?)
        .env("GATEPASS_TEST_PROJECT", &project)
        .env("GATEPASS_TEST_MOCK_SERVER", &packages)
        .env("GATEPASS_TEST_SERVER", &server.first_line)
        .env("GATEPASS_TEST_CONTROL", &server.second_line)
        .env("GATEPASS_TEST_GECKODRIVER", Engine::Firefox.driver()?.1)
        .env("GATEPASS_TEST_REPLAY", replay)
        .env("GATEPASS_TEST_SITE", target_dir().join("site"))
        .env("GATEPASS_TEST_SCREENSHOTS", target_dir().join("screenshots"));
    run_recorded("npm", &mut command)?;
    fuzz::seeds(&project, 1, fuzz::RUNS)
}

/// Builds what replays the schedules of conversations on the machine of a Rust app.
fn replay() -> Result<PathBuf> {
    run_logged(
        "cargo-replay",
        Command::new("cargo").current_dir(root()).args([
            "build",
            "--quiet",
            "--package",
            "gatepass",
            "--example",
            "replay",
        ]),
    )?;
    Ok(target_dir().join("debug/examples/replay"))
}

/// Packs the package and installs the tarball into an empty project; returns the project's folder.
pub(crate) fn pack_and_install() -> Result<PathBuf> {
    let project = target_dir().join("npm-project");
    if project.exists() {
        std::fs::remove_dir_all(&project)?;
    }
    std::fs::create_dir_all(&project)?;
    let tarball = pack_into(&project)?;
    std::fs::write(project.join("package.json"), r#"{"name": "empty", "private": true, "type": "module"}"#)?;
    install(&project, &[tarball])?;
    Ok(project)
}

fn install(project: &Path, tarballs: &[PathBuf]) -> Result<()> {
    let mut command = Command::new("npm");
    command.current_dir(project).args(["install", "--no-audit", "--no-fund", "--offline"]).args(tarballs);
    run_logged("npm-install-packed", &mut command)
}

fn tarballs(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all: Vec<_> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    all.retain(|path| path.extension().is_some_and(|extension| extension == "tgz"));
    Ok(all)
}

fn pack_into(folder: &Path) -> Result<PathBuf> {
    let packed = output_of(
        Command::new("npm").current_dir(root()).args(["pack", "--silent", "--pack-destination"]).arg(folder),
    )?;
    Ok(folder.join(packed.lines().last().context("npm pack named no file")?.trim()))
}
