//! How rustc compiles the wasm of the package. All unstable flags are here.

use std::process::Command;

use anyhow::Result;

use crate::process::output_of;
use crate::tools::{locked_version, wasm_command};

/// Which flags rustc gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compiler {
    /// The smallest wasm, by unstable flags: what is published.
    Small,
    /// Stable flags alone: works with every Rust from `rust-version` in Cargo.toml on.
    Stable,
}

/// Lets rustc's own optimiser inline small functions across crates. What then folds away, LLVM at `z` leaves standing (an eighth of the
/// download). Structs are copied by `memory.copy`, not field by field.
/// Found by trial; `cargo xtask size` shows the difference.
const SMALLER: &str = "-Zinline-mir=yes -Zcross-crate-inline-threshold=always -Zinline-mir-hint-threshold=30 \
     -Zmir-enable-passes=-JumpThreading -Cllvm-args=-max-store-memcpy=1";

/// A panic is one instruction, without text, place or formatting (a seventh of the download).
const SILENT: &str = "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none";

/// The features are Lime 1, which every browser has since 2023. The glue is written for a wasm without reference types.
const FEATURES: &str = "-Ctarget-feature=-reference-types";

impl Compiler {
    /// Adds the flags to a `cargo build`.
    ///
    /// For the smallest wasm, std is built along. rustc is told to take unstable flags although it is a stable one. Tests and Rust users
    /// have the ordinary std and full panic messages.
    pub(super) fn prepare(self, command: &mut Command) {
        command.env("RUSTFLAGS", self.flags());
        match self {
            Self::Small => {
                command
                    .args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"])
                    .env("RUSTC_BOOTSTRAP", "1");
            }
            Self::Stable => {}
        }
    }

    fn flags(self) -> String {
        match self {
            Self::Small => format!("{SILENT} {SMALLER} {FEATURES}"),
            Self::Stable => FEATURES.to_owned(),
        }
    }

    /// Which compiler and tools built the package: `pkg/build.json`.
    pub(super) fn record(self) -> Result<String> {
        let rustc = output_of(wasm_command("rustc")?.arg("--version"))?;
        let binaryen = output_of(wasm_command("wasm-opt")?.arg("--version"))?;
        let record = serde_json::json!({
            "rustc": rustc.trim(),
            "flags": self.flags(),
            "wasm-bindgen": locked_version("wasm-bindgen")?,
            "wasm-opt": binaryen.trim(),
        });
        Ok(serde_json::to_string_pretty(&record)? + "\n")
    }
}
