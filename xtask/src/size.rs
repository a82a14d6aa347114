//! What a user downloads: wasm, glue and face, with one preset, raw and by brotli 11, against the budget.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::build::pkg;
use crate::process::run_logged;
use crate::tools::{root, target_dir, wasm_command};

/// The pages that tell how large that is.
const PAGES: [&str; 6] =
    ["README.md", "docs/index.md", "docs/compare.md", "docs/faq.md", "docs/loading.md", "docs/guides/first-load.md"];
/// The default entry, all of it, minified, brotli 11.
pub(crate) const BUDGET: usize = 63_000;
/// What an app downloads more that has a conversation: values, subscriptions, requests, resume.
const CONVERSATION: usize = 5_000;
/// Aimed at.
const AIM: usize = 40_000;

/// Prints the figures; with `check`, a download over the budget is an error.
pub(crate) fn run(check: bool) -> Result<()> {
    let folder = target_dir().join("size");
    let (wasm, both) = parts()?;
    let glue = folder.join("glue.js");
    minify(&pkg().join("core.js"), &glue, &[])?;
    let face = folder.join("face.js");
    minify(&folder.join("entry.js"), &face, &["--external:*/core.js"])?;
    let with_presets = folder.join("with-presets.js");
    minify(&pkg().join("index.js"), &with_presets, &[])?;
    let (tabs, details) = (folder.join("tabs.js"), folder.join("details.js"));
    let (streams, requests, attempts) =
        (folder.join("streams.js"), folder.join("requests.js"), folder.join("attempts.js"));
    minify(&pkg().join("tabs.js"), &tabs, &[])?;
    minify(&pkg().join("details.js"), &details, &[])?;
    minify(&pkg().join("streams.js"), &streams, &[])?;
    minify(&pkg().join("requests.js"), &requests, &[])?;
    minify(&pkg().join("attempts.js"), &attempts, &["--external:./*"])?;

    println!("{:<50}{:>10}{:>12}", "", "raw", "brotli 11");
    for (name, file) in [
        ("wasm", &wasm),
        ("glue, minified", &glue),
        ("face, minified", &face),
        ("glue and face in one file", &both),
        ("the same with all presets", &with_presets),
        ("loaded where tokens are stored", &tabs),
        ("loaded when a login is refused", &details),
        ("loaded for back-pressure", &streams),
        ("loaded for endpoints that the app shapes", &requests),
        ("loaded for functions that an attempt waits for", &attempts),
    ] {
        let (raw, brotli) = sizes(file)?;
        println!("{name:<50}{raw:>10}{brotli:>12}");
    }
    let conversation = conversation()?;
    println!("{:<50}{:>22}", "more for a conversation", conversation);
    let total = download()?;
    println!("download of the default entry: {total} bytes; budget {BUDGET}, aimed at {AIM}");
    if check && conversation > CONVERSATION {
        bail!("a conversation is {} bytes over its budget", conversation - CONVERSATION);
    }
    if check && total > BUDGET {
        bail!("the download is {} bytes over the budget", total - BUDGET);
    }
    let said = format!("{} kB", (total + 500) / 1000);
    for page in PAGES {
        if check && !std::fs::read_to_string(root().join(page))?.contains(&said) {
            bail!("{page} does not say that the download is {said}");
        }
    }
    Ok(())
}

/// The download of the default entry, in bytes.
pub(crate) fn download() -> Result<usize> {
    let (wasm, script) = parts()?;
    Ok(sizes(&wasm)?.1 + sizes(&script)?.1)
}

/// How much larger the script of an app is that uses all of `gatepass/conversation`, in bytes. Others have nothing of it.
fn conversation() -> Result<usize> {
    let folder = target_dir().join("size");
    let (entry, script) = (folder.join("conversation-entry.js"), folder.join("conversation.js"));
    let more = format!("export {{ codec, json }} from '{}/conversation.js';\n", pkg().display());
    std::fs::write(&entry, app_entry()? + &more)?;
    minify(&entry, &script, &[])?;
    let (_, plain) = parts()?;
    Ok(sizes(&script)?.1.saturating_sub(sizes(&plain)?.1))
}

/// The files of the download: the wasm, and glue and face in one script.
fn parts() -> Result<(PathBuf, PathBuf)> {
    let folder = target_dir().join("size");
    std::fs::create_dir_all(&folder)?;
    let entry = folder.join("entry.js");
    std::fs::write(&entry, app_entry()?)?;
    let script = folder.join("index.js");
    minify(&entry, &script, &[])?;
    Ok((pkg().join("core_bg.wasm"), script))
}

/// All that the default entry exports, and one of the presets: bundlers take those that an app uses.
fn app_entry() -> Result<String> {
    let index = pkg().join("index.js");
    let text = std::fs::read_to_string(&index)?;
    let presets = "export * as presets from './presets.js';";
    if !text.contains(presets) {
        bail!("index.js does not export the presets as a namespace any more");
    }
    let text = text.replace(presets, "export { simpleJwt } from './presets.js';");
    Ok(text.replace("from './", &format!("from '{}/", pkg().display())))
}

fn minify(from: &Path, to: &Path, more: &[&str]) -> Result<()> {
    let mut command = wasm_command("esbuild")?;
    command
        .arg(from)
        .args([
            "--bundle",
            "--minify",
            "--format=esm",
            "--log-level=warning",
            "--external:*/tabs.js",
            "--external:*/details.js",
            "--external:*/streams.js",
            "--external:*/requests.js",
            "--external:*/attempts.js",
        ])
        .args(more);
    run_logged("esbuild", command.arg(format!("--outfile={}", to.display())))
}

/// Bytes raw and by brotli at its best.
fn sizes(file: &Path) -> Result<(usize, usize)> {
    let raw = std::fs::read(file)?;
    let mut packed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    brotli::BrotliCompress(&mut raw.as_slice(), &mut packed, &parameters)?;
    Ok((raw.len(), packed.len()))
}
