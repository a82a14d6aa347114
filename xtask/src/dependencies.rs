//! The rules of deny.toml, without a network: licences, banned crates, doubled crates. And the notices that ship with the wasm.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

use crate::process::output_of;
use crate::tools::{WASM_TARGET, root};

/// What `cargo metadata` says.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    manifest_path: PathBuf,
    /// `None` for the packages of this repository.
    source: Option<String>,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    /// `None` for an ordinary one; `dev` and `build` otherwise.
    kind: Option<String>,
}

/// The parts of deny.toml that are checked here.
#[derive(Debug, Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    skip: Vec<Named>,
    deny: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    /// A name, or a name, `@`, and how the version begins.
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

impl Named {
    fn is(&self, package: &Package) -> bool {
        match self.name.split_once('@') {
            None => self.name == package.name,
            Some((name, version)) => {
                name == package.name
                    && package
                        .version
                        .strip_prefix(version)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
        }
    }
}

/// Checks every crate of the workspace, for all platforms.
pub(crate) fn check() -> Result<()> {
    let rules = toml::from_str(&std::fs::read_to_string(root().join("deny.toml"))?).context("deny.toml")?;
    let faults = faults(&metadata(&["--all-features"])?.packages, &rules)?;
    if !faults.is_empty() {
        bail!("by the rules of deny.toml:\n  {}", faults.join("\n  "));
    }
    Ok(())
}

fn faults(packages: &[Package], rules: &Rules) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages.iter().filter(|package| package.source.is_some()) {
        let Package { name, version, license, .. } = package;
        match license {
            None => faults.push(format!("{name} {version} names no licence")),
            Some(text) => {
                let expression = Expression::parse_mode(text, ParseMode::LAX)
                    .with_context(|| format!("the licence of {name} {version}: {text}"))?;
                let is_allowed = |wanted: &spdx::LicenseReq| {
                    wanted.license.id().is_some_and(|id| rules.licenses.allow.iter().any(|allowed| allowed == id.name))
                };
                if !expression.evaluate(is_allowed) {
                    faults.push(format!("{name} {version}: the licence {text} is not allowed"));
                }
            }
        }
        if let Some(ban) = rules.bans.deny.iter().find(|ban| ban.is(package)) {
            faults.push(format!("{name} {version} is banned: {}", ban.reason));
        }
        if !rules.bans.skip.iter().any(|skip| skip.is(package)) {
            versions.entry(name).or_default().push(version);
        }
    }
    for (name, versions) in versions {
        if versions.len() > 1 {
            faults.push(format!(
                "{name} is there {} times ({}); `cargo tree --invert {name}@VERSION` says for whom",
                versions.len(),
                versions.join(", ")
            ));
        }
    }
    for skip in &rules.bans.skip {
        if !packages.iter().any(|package| skip.is(package)) {
            faults.push(format!("{} is skipped and not there any more: remove its row", skip.name));
        }
    }
    Ok(faults)
}

/// The licences of what the wasm of the package is made of, with their texts.
pub(crate) fn notices() -> Result<String> {
    let metadata = metadata(&["--features", "js", "--filter-platform", WASM_TARGET])?;
    let mut page = String::from(concat!(
        "The WebAssembly of gatepass is made of gatepass itself, of the standard library of Rust (MIT OR Apache-2.0, ",
        "https://github.com/rust-lang/rust), and of these crates.\n"
    ));
    for package in inside(&metadata) {
        let licence = package.license.as_deref().unwrap_or("no licence named");
        page += &format!("\n{}\n{} {}: {licence}\n\n", "-".repeat(80), package.name, package.version);
        page += text_of_licence(package)?.trim_end();
        page.push('\n');
    }
    Ok(page)
}

/// The crates that gatepass is linked with: no macros, no build scripts, no tests.
fn inside(metadata: &Metadata) -> Vec<&Package> {
    let package = |id: &str| metadata.packages.iter().find(|package| package.id == id);
    let is_macro =
        |package: &Package| package.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"));
    let mut found: Vec<&Package> = Vec::new();
    let mut next: Vec<&str> = metadata
        .packages
        .iter()
        .filter(|package| package.name == "gatepass")
        .map(|package| package.id.as_str())
        .collect();
    while let Some(id) = next.pop() {
        let Some(node) = metadata.resolve.nodes.iter().find(|node| node.id == id) else { continue };
        for dependency in &node.deps {
            let is_linked = dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
            let Some(package) = package(&dependency.pkg).filter(|package| is_linked && !is_macro(package)) else {
                continue;
            };
            if !found.iter().any(|known| known.id == package.id) {
                found.push(package);
                next.push(&package.id);
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The MIT text where there is one, since gatepass is under MIT, too; else another text; else where the crate's source is.
fn text_of_licence(package: &Package) -> Result<String> {
    let folder = package.manifest_path.parent().unwrap_or_else(|| Path::new("."));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && (name.starts_with("LICENSE") || name.starts_with("LICENCE") || name.starts_with("COPYING"))
        {
            files.push((!name.contains("MIT"), path));
        }
    }
    files.sort();
    match (files.first(), &package.repository) {
        (Some((_, file)), _) => Ok(std::fs::read_to_string(file)?),
        (None, Some(repository)) => Ok(format!("The text is in {repository}")),
        (None, None) => bail!("{} {} has no text of its licence", package.name, package.version),
    }
}

fn metadata(arguments: &[&str]) -> Result<Metadata> {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(["metadata", "--format-version", "1", "--locked"]).args(arguments);
    Ok(serde_json::from_str(&output_of(&mut command)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, license: &str) -> Package {
        Package {
            id: format!("{name}@{version}"),
            name: name.into(),
            version: version.into(),
            license: Some(license.into()),
            repository: None,
            manifest_path: PathBuf::new(),
            source: Some("registry".into()),
            targets: Vec::new(),
        }
    }

    fn rules() -> Rules {
        toml::from_str(
            r#"
            [licenses]
            allow = ["MIT", "Unicode-3.0"]
            [bans]
            skip = [{ crate = "a@1", reason = "old" }]
            deny = [{ crate = "bad", reason = "no" }]
            "#,
        )
        .unwrap()
    }

    #[test]
    fn what_deny_toml_forbids_is_named() {
        let packages =
            [package("a", "1.2.0", "MIT"), package("a", "2.0.0", "MIT OR GPL-3.0"), package("b", "1.0.0", "GPL-3.0")];
        assert_eq!(faults(&packages, &rules()).unwrap(), ["b 1.0.0: the licence GPL-3.0 is not allowed"]);
        let packages =
            [package("a", "1.0.0", "MIT AND Unicode-3.0"), package("c", "1.0.0", "MIT"), package("c", "2.0.0", "MIT")];
        let doubled = "c is there 2 times (1.0.0, 2.0.0); `cargo tree --invert c@VERSION` says for whom";
        assert_eq!(faults(&packages, &rules()).unwrap(), [doubled]);
        let expected = ["bad 1.0.0 is banned: no", "a@1 is skipped and not there any more: remove its row"];
        assert_eq!(
            faults(&[package("bad", "1.0.0", "MIT"), package("a", "10.0.0", "MIT")], &rules()).unwrap(),
            expected
        );
    }
}
