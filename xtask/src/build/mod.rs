//! Builds the npm package into `pkg/`: wasm by Cargo, glue by wasm-bindgen, made small by wasm-opt, and the TypeScript face.

mod common_js;
mod compiler;
pub(crate) mod contract;
mod names;
pub(crate) mod options;
mod platform;
mod presets;
mod trim;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use base64ct::{Base64, Encoding};
use wasm_bindgen_cli_support::Bindgen;

pub(crate) use self::compiler::Compiler;
use crate::process::{output_of, run_logged};
use crate::steps::Steps;
use crate::tools::{WASM_TARGET, root, target_dir, wasm_command};
use crate::{dependencies, size};

/// What rustc's wasm uses and every browser of the last years has.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Flattening first lets the size passes find a little more, and so do further rounds of both.
const PASSES: &[&str] = &[
    "--flatten",
    "--rereloop",
    "-Oz",
    "--flatten",
    "--rereloop",
    "-Oz",
    "-Oz",
    "-Oz",
    "--strip-producers",
    "--strip-target-features",
];

pub(crate) fn pkg() -> PathBuf {
    root().join("pkg")
}

/// Builds everything, with progress.
pub(crate) fn run(compiler: Compiler) -> Result<()> {
    let mut steps = Steps::new(2);
    let result = steps
        .step("Building the wasm", || wasm(compiler))
        .and_then(|()| steps.step("Compiling the TypeScript face", face));
    steps.print_times();
    result?;
    if compiler == Compiler::Stable {
        println!(
            "\nWithout unstable flags the download is {} bytes; with them it is at most {}.",
            size::download()?,
            size::BUDGET
        );
    }
    Ok(())
}

/// wasm and glue: `pkg/core_bg.wasm`, `pkg/core.js`, `pkg/core.d.ts`; what built them, and the notices of their licences.
pub(crate) fn wasm(compiler: Compiler) -> Result<()> {
    let target = target_dir().join(match compiler {
        Compiler::Small => "small",
        Compiler::Stable => "stable",
    });
    let mut command = wasm_command("cargo")?;
    command.args(["build", "--release", "--lib", "--features", "js", "--target", WASM_TARGET]);
    compiler.prepare(&mut command);
    run_logged("wasm", command.arg("--target-dir").arg(&target))?;
    // The std that comes with rustc says that it uses reference types, which the glue would then be written for.
    let (compiled, plain) = (target.join(WASM_TARGET).join("release/gatepass.wasm"), target.join("gatepass.wasm"));
    let mut strip = wasm_command("wasm-opt")?;
    strip.arg("--strip-target-features").args(FEATURES).arg(compiled).arg("-o").arg(&plain);
    run_logged("wasm-strip", &mut strip)?;
    bindgen(&plain, "core", &pkg())?;
    let wasm = pkg().join("core_bg.wasm");
    run_logged("wasm-opt", wasm_command("wasm-opt")?.args(PASSES).args(FEATURES).arg(&wasm).arg("-o").arg(&wasm))?;
    check_imports(&wasm)?;
    platform::place(&pkg())?;
    names::shorten(&pkg(), FEATURES)?;
    trim::glue(&pkg())?;
    std::fs::write(pkg().join("build.json"), compiler.record()?)?;
    std::fs::write(pkg().join("THIRD-PARTY-NOTICES.txt"), dependencies::notices()?)?;
    Ok(())
}

/// Makes the glue of a wasm, for browsers' modules: NAME.js, NAME.d.ts and NAME_bg.wasm. As `wasm-bindgen --target web` does.
pub(crate) fn bindgen(wasm: &Path, name: &str, folder: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name(name).typescript(true).omit_default_module_path(false).web(true)?;
    bindgen.generate(folder).with_context(|| format!("wasm-bindgen, of {}", wasm.display()))
}

/// The wasm may import from its glue only: an import from `env` would mean that code for another platform slipped in.
fn check_imports(wasm: &PathBuf) -> Result<()> {
    let script = "WebAssembly.Module.imports(new WebAssembly.Module(require('fs').readFileSync(process.argv[1]))).forEach(i => console.log(i.module))";
    let modules = output_of(Command::new("node").arg("-e").arg(script).arg(wasm))?;
    match modules.lines().find(|module| *module != "./core_bg.js") {
        Some(module) => bail!("the wasm imports from `{module}`; it may import from its own glue only"),
        None => Ok(()),
    }
}

/// The wasm as text for `gatepass/inline`: `pkg/wasm-inline.js`.
fn write_inline() -> Result<()> {
    let text = Base64::encode_string(&std::fs::read(pkg().join("core_bg.wasm"))?);
    std::fs::write(pkg().join("wasm-inline.js"), format!("export const WASM = '{text}';\n"))?;
    std::fs::write(pkg().join("wasm-inline.d.ts"), "export declare const WASM: string;\n")?;
    Ok(())
}

/// The TypeScript face: `pkg/index.js`, `pkg/index.d.ts` and their parts.
pub(crate) fn face() -> Result<()> {
    // tsc compiles against the glue's declarations, so the wasm comes first.
    if !pkg().join("core.d.ts").is_file() {
        bail!("pkg/core.d.ts is missing: build the wasm first (`cargo xtask build`)");
    }
    contract::check_drivers()?;
    contract::write_face()?;
    presets::write(&pkg())?;
    presets::write_sentences(&pkg())?;
    presets::write_close_codes(&pkg())?;
    write_inline()?;
    // No types of Node, which tools bring along: these scripts run in browsers.
    let types = target_dir().join("types");
    let flags = [
        "--declaration",
        "--emitDeclarationOnly",
        "--rootDir",
        "src",
        "--allowJs",
        "--checkJs",
        "--strict",
        "--target",
        "es2022",
    ];
    let mut command = wasm_command("tsc")?;
    command.args(flags).args(["--typeRoots", "target/none", "--outDir"]).arg(&types).args(platform::scripts());
    run_logged("tsc-platform", &mut command).context("the browser driver's scripts have a wrong type")?;
    platform::place_drivers(&pkg(), &types)?;
    run_logged("tsc", wasm_command("tsc")?.args(["--project", "tsconfig.json"]))
        .context("the TypeScript face does not compile")?;
    common_js::write()
}
