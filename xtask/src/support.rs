//! The table of what the package runs in: libraries, runtimes and tools, made of what the last run of the npm tests has printed.
//!
//! A row is good if each of its tests ran and none failed.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::place::Place;
use crate::tools::{root, target_dir};

/// The kind, the npm package with the version (or none), the name, and how the names of its tests begin.
const ROWS: [(&str, &str, &str, &[&str]); 46] = [
    ("runtime", "node-20", "Node 20, with the package `ws`", &["a client in Node 20 ", "on a server in Node 20 "]),
    ("runtime", "node-22", "Node 22", &["a client in Node 22 ", "on a server in Node 22 "]),
    ("runtime", "node-24", "Node 24", &["a client in Node 24 ", "on a server in Node 24 "]),
    ("runtime", "@oven/bun-linux-x64", "Bun", &["a client in Bun ", "on a server in Bun "]),
    ("runtime", "@deno/linux-x64-glibc", "Deno", &["a client in Deno ", "on a server in Deno "]),
    ("runtime", "", "workers and shared workers", &["it works in a worker and in a shared worker"]),
    ("runtime", "", "service workers", &["in a service worker"]),
    (
        "runtime",
        "",
        "extensions of Chromium: pages and service workers",
        &["in an extension a page and a service worker"],
    ),
    ("tool", "vite", "Vite", &["vite builds gatepass "]),
    ("tool", "rollup", "Rollup", &["rollup builds gatepass "]),
    ("tool", "webpack", "webpack", &["webpack builds gatepass "]),
    ("tool", "esbuild", "esbuild", &["esbuild builds gatepass "]),
    ("tool", "@angular/cli", "Angular CLI", &["the Angular CLI builds "]),
    ("tool", "nuxt", "Nuxt", &["Nuxt renders it on the server"]),
    ("tool", "", "no bundler", &["a page without a bundler"]),
    ("tool", "", "CommonJS", &["the package can be required"]),
    ("tool", "", "classic scripts", &["a classic script without import.meta"]),
    ("tool", "vitest", "Vitest", &["Vitest, jsdom", "Vitest, happy-dom", "Vitest, node"]),
    ("tool", "jest", "Jest", &["Jest, jsdom, CommonJS", "Jest, node, CommonJS", "Jest, jsdom, modules"]),
    ("tool", "@angular/build", "`ng test`", &["the sample of the docs for Angular components"]),
    (
        "tool",
        "@vitejs/plugin-vue",
        "Vue components in Vitest, with @vitejs/plugin-vue",
        &["the sample of the docs for Vue components"],
    ),
    ("tool", "react", "React components in Vitest, with React", &["a React component with doubles"]),
    ("tool", "@playwright/test", "Playwright", &["the example of testing an app"]),
    ("framework", "vue", "Vue", &["state, messages, errors and the wait are shown", "a Vue page that takes over"]),
    ("framework", "@angular/core", "Angular 20", &["the banner and the guards of the docs: Angular"]),
    ("framework", "", "Angular 21, built with Node 24", &["Angular 21 builds"]),
    ("framework", "", "Angular 22, built with Node 24", &["Angular 22 builds"]),
    ("framework", "react", "React 18 and 19", &["React 18: ", "React 19: "]),
    ("framework", "svelte", "Svelte", &["the app of the page on Svelte"]),
    ("framework", "solid-js", "Solid", &["the app of the page on Solid"]),
    ("library", "rxjs", "rxjs", &[]),
    ("library", "partysocket", "partysocket", &[]),
    ("library", "reconnecting-websocket", "reconnecting-websocket", &[]),
    ("library", "graphql-ws", "graphql-ws", &[]),
    ("library", "home-assistant-js-websocket", "home-assistant-js-websocket", &[]),
    ("library", "@stomp/stompjs", "@stomp/stompjs", &[]),
    ("library", "socket.io-client", "socket.io-client", &[]),
    ("library", "centrifuge", "centrifuge", &[]),
    ("library", "phoenix", "phoenix", &[]),
    ("library", "@supabase/realtime-js", "@supabase/realtime-js", &[]),
    ("library", "@microsoft/signalr", "@microsoft/signalr", &[]),
    ("library", "pusher-js", "pusher-js", &[]),
    ("library", "mqtt", "mqtt", &[]),
    ("library", "@nats-io/nats-core", "@nats-io/nats-core", &[]),
    ("library", "@rails/actioncable", "@rails/actioncable", &[]),
    ("library", "@trpc/client", "@trpc/client", &[]),
];

const PLACE: Place = Place {
    page: "docs/support.md",
    start: "<!-- matrix: made by `cargo xtask table --write` of the last test run -->\n",
    end: "<!-- end of matrix -->",
};

/// Puts the table into the docs.
pub(crate) fn write() -> Result<()> {
    PLACE.write(&table()?)
}

/// Compares the table in the docs with the last test run; every row has to be good.
pub(crate) fn check() -> Result<()> {
    let table = table()?;
    if table.contains('✗') || table.contains('?') {
        bail!("not everything that the package is said to run in was tried with success:\n{table}");
    }
    if table != PLACE.present()? {
        bail!("{} is older than this test run: `cargo xtask table --write`", PLACE.page);
    }
    Ok(())
}

fn table() -> Result<String> {
    let path = target_dir().join("results/npm.txt");
    let output = std::fs::read_to_string(&path).with_context(|| format!("{}: run the tests first", path.display()))?;
    let packages = ["package.json", "tests/frameworks/package.json"]
        .iter()
        .map(|file| Ok(serde_json::from_slice(&std::fs::read(root().join(file))?)?))
        .collect::<Result<Vec<Value>>>()?;
    let mut table = "| | | version | |\n|---|---|---|---|\n".to_owned();
    for (kind, package, name, tests) in ROWS {
        let version = packages.iter().find_map(|file| file["devDependencies"][package].as_str()).unwrap_or_default();
        // An alias names a package, too.
        let version = version.rsplit('@').next().unwrap_or_default();
        let conversation = format!("a conversation of {name} goes on ");
        let tests = if kind == "library" { &[conversation.as_str()] } else { tests };
        table += &format!("| {kind} | {name} | {version} | {} |\n", result(tests, &output));
    }
    Ok(table)
}

/// Whether tests whose names begin so have all run, and none has failed.
fn result(tests: &[&str], output: &str) -> &'static str {
    let ran = |mark: char, test: &str| {
        output
            .lines()
            .any(|line| line.trim_start().strip_prefix(mark).is_some_and(|name| name.trim_start().starts_with(test)))
    };
    match (tests.iter().any(|test| ran('✖', test)), tests.iter().all(|test| ran('✔', test))) {
        (true, _) => "✗",
        (false, true) => "✓",
        (false, false) => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_good_if_all_its_tests_ran_and_none_failed() {
        let output = "✔ Jest, node (1 ms)\n✔ Vitest, node (2 ms)\n✖ Vitest, jsdom (3 ms)\n";
        let of = |tests: &[&str]| result(tests, output);
        assert_eq!((of(&["Jest, node"]), of(&["Jest, node", "Jest, jsdom"])), ("✓", "?"));
        assert_eq!((of(&["Vitest, node", "Vitest, jsdom"]), of(&["ode"])), ("✗", "?"));
    }
}
