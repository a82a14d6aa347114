//! Runs other programs: quietly with a log and a sign of life, or openly; and ends servers with their value.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::steps::seconds;
use crate::tools::target_dir;

const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
const LOG_TAIL: usize = 25;

/// Runs a long command with its output in `target/logs/NAME.log`; every ten seconds the last line of it is shown.
///
/// # Errors
/// The command cannot start or ends non-zero: the error names the log and shows its end.
pub(crate) fn run_logged(name: &str, command: &mut Command) -> Result<()> {
    let log = log_path(name)?;
    let file = File::create(&log)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    let (running, ended) = channel();
    let ticker = std::thread::spawn({
        let log = log.clone();
        move || show_signs_of_life(&log, &ended)
    });
    let status = child.wait();
    drop(running);
    ticker.join().ok();
    let status = status?;
    if !status.success() {
        bail!("{} failed ({status}); the end of {}:\n{}", shown(command), log.display(), tail(&log, LOG_TAIL));
    }
    Ok(())
}

/// Prints the last line of the log every ten seconds until the other end of the channel is dropped.
fn show_signs_of_life(log: &Path, ended: &Receiver<()>) {
    let started = Instant::now();
    while ended.recv_timeout(SIGN_OF_LIFE) == Err(RecvTimeoutError::Timeout) {
        println!("      {:>7}  {}", seconds(started.elapsed()), clipped(tail(log, 1).trim()));
    }
}

/// Runs a command whose output the person should see as it comes.
pub(crate) fn run_shown(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs a command whose output the person should see as it comes, and keeps what it prints in `target/results/NAME.txt`.
pub(crate) fn run_recorded(name: &str, command: &mut Command) -> Result<()> {
    record(name, command, &mut |_, _| None)
}

/// The same. `watch` is given the process group and each line, and says how long the next line may take. A command that takes longer is ended,
/// with all that it has started.
pub(crate) fn run_watched(
    name: &str,
    command: &mut Command,
    watch: &mut dyn FnMut(u32, &str) -> Option<Duration>,
) -> Result<()> {
    record(name, command.process_group(0), watch)
}

fn record(name: &str, command: &mut Command, watch: &mut dyn FnMut(u32, &str) -> Option<Duration>) -> Result<()> {
    let folder = target_dir().join("results");
    std::fs::create_dir_all(&folder)?;
    let mut file = File::create(folder.join(format!("{name}.txt")))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    let output = BufReader::new(child.stdout.take().context("no standard output")?);
    let (to, lines) = channel();
    std::thread::spawn(move || output.lines().map_while(|line| line.ok()).try_for_each(|line| to.send(line)));
    let mut limit = None;
    loop {
        let line = match limit {
            None => lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(limit) => lines.recv_timeout(limit),
        };
        match line {
            Ok(line) => {
                println!("{line}");
                writeln!(file, "{line}")?;
                limit = watch(child.id(), &line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                // To its group: the browser and its driver are children of children.
                Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status()?;
                child.wait()?;
                bail!("{} printed nothing for {}", shown(command), seconds(limit.unwrap_or_default()));
            }
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs a short command and returns what it printed.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} failed ({}): {}", shown(command), output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A server that lives as long as this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// The first line it printed: its URL or its display number.
    pub(crate) first_line: String,
    /// The second, where it prints two: the URL of its controls.
    pub(crate) second_line: String,
}

impl Server {
    /// Starts a program that prints one line when it is ready.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        Self::start_lines(command, 1)
    }

    /// The resident set in bytes; 0 where that cannot be read.
    pub(crate) fn memory(&self) -> usize {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or_default() * 1024
    }

    /// Starts a program that prints two lines when it is ready.
    pub(crate) fn start_two(command: &mut Command) -> Result<Self> {
        Self::start_lines(command, 2)
    }

    fn start_lines(command: &mut Command, count: usize) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", shown(command)))?;
        let mut reader = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut lines = Vec::new();
        for _ in 0..count {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                let status = child.wait()?;
                bail!("{} ended before it was ready ({status})", shown(command));
            }
            lines.push(line.trim().to_owned());
        }
        // A full pipe would stop the server, so the rest is read and dropped.
        std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        let mut lines = lines.into_iter();
        Ok(Self { child, first_line: lines.next().unwrap_or_default(), second_line: lines.next().unwrap_or_default() })
    }

    pub(crate) fn wait(mut self) -> Result<()> {
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either fails only when the child is gone already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) fn log_path(name: &str) -> Result<PathBuf> {
    let folder = target_dir().join("logs");
    std::fs::create_dir_all(&folder)?;
    Ok(folder.join(format!("{name}.log")))
}

pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn tail(log: &Path, lines: usize) -> String {
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.split(['\n', '\r']).filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn clipped(line: &str) -> String {
    line.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_falls_silent_is_ended_with_what_it_has_started() {
        let mut patience = |_, line: &str| (line == "begin").then_some(Duration::from_millis(50));
        let mut command = Command::new("sh");
        // What it has started holds the pipe open: without its end this would wait.
        let error =
            run_watched("test-of-xtask", command.args(["-c", "echo begin; sleep 600 & sleep 600"]), &mut patience);
        assert!(error.unwrap_err().to_string().contains("printed nothing"));
        run_recorded("test-of-xtask", Command::new("sh").args(["-c", "echo begin; echo end"])).unwrap();
    }
}
