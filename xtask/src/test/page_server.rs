//! The server of wasm-bindgen's test runner, from which a browser loads the page with the tests.
//!
//! It is tiny_http with a pool of four threads. A connection that arrives while a thread seems to be free is left to that thread, even if another
//! connection has just woken it. Browsers open six connections at once and keep them open, so one of the six may never be served, and the page
//! never loads. A pool without a free thread starts a new one for every connection. So the four are kept busy, by connections that send nothing.

use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

/// The threads of the pool.
const THREADS: usize = 4;

/// Keeps the threads of the server busy until the value is dropped. `group`: the process group in which the runner is.
pub(super) fn occupy(group: u32) -> Vec<TcpStream> {
    let Some(port) = port(group) else { return Vec::new() };
    let address = ([127, 0, 0, 1], port).into();
    (0..THREADS).filter_map(|_| TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()).collect()
}

/// The port on which the runner listens (proc(5)).
fn port(group: u32) -> Option<u16> {
    let processes = std::fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path());
    let runner = processes.filter(|process| is_runner(process, group)).find_map(|process| {
        let files = std::fs::read_dir(process.join("fd")).ok()?.flatten();
        let sockets: Vec<_> = files
            .filter_map(|file| std::fs::read_link(file.path()).ok())
            .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
            .collect();
        (!sockets.is_empty()).then_some(sockets)
    })?;
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().find_map(|line| listening_port(line, &runner))
}

fn is_runner(process: &Path, group: u32) -> bool {
    // The kernel keeps fifteen letters of a name.
    let is_named = std::fs::read_to_string(process.join("comm")).is_ok_and(|name| name.starts_with("wasm-bindgen-te"));
    let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    // Behind the name: state, parent, process group.
    let of_group = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(2)?.parse().ok());
    is_named && of_group == Some(group)
}

/// The port of a line of /proc/net/tcp, if it is of a listening socket with one of these inodes.
fn listening_port(line: &str, inodes: &[String]) -> Option<u16> {
    const LISTEN: &str = "0A";
    let fields: Vec<_> = line.split_whitespace().collect();
    let [_, local, _, LISTEN, _, _, _, _, _, inode, ..] = fields[..] else { return None };
    let port = inodes.iter().any(|known| known == inode).then(|| local.split_once(':'))??.1;
    u16::from_str_radix(port, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_listening_socket_is_read() {
        let line = "   1: 0100007F:A3A7 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000000000000000 100";
        assert_eq!(listening_port(line, &["4242".to_owned()]), Some(0xA3A7));
        assert_eq!(listening_port(line, &["4243".to_owned()]), None);
        assert_eq!(listening_port(&line.replace(" 0A ", " 01 "), &["4242".to_owned()]), None);
        assert_eq!(listening_port("  sl  local_address rem_address   st", &["4242".to_owned()]), None);
    }
}
