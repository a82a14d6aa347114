//! The mock server as a program: prints its addresses, serves until it is ended.

use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use gatepass_mock_server::{MockServer, Options, Settings};
use serde_json::json;

/// A mock backend for authenticated WebSockets: tickets, JWT in the query, first-message authentication, and faults.
///
/// Users: maggie/secret and bob/hunter2. The first line printed is the server's URL, the second that of its control API, which nobody can guess.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// An origin to let in beside the server's own; a port of * is any port (repeatable)
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Let in clients that send no Origin header (native ones)
    #[arg(long)]
    allow_absent_origin: bool,
    /// Listen on an address that other machines can reach
    #[arg(long)]
    allow_non_loopback: bool,
    /// Serve the files of this folder, too
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// Answer with index.html of that folder where a page is not there: the routes of a single-page app
    #[arg(long, requires = "files")]
    spa: bool,
    /// How the addresses are printed: two lines, or one object with url, wsUrl and controlUrl
    #[arg(long, value_enum, default_value_t = Format::Lines)]
    format: Format,
    /// End when standard input does: with the program that has started this one, however that ends
    #[arg(long)]
    end_with_stdin: bool,
    /// Life of a ticket in milliseconds
    #[arg(long, default_value_t = Settings::default().ticket_life_ms)]
    ticket_life_ms: u64,
    /// Life of an access token in milliseconds
    #[arg(long, default_value_t = Settings::default().access_life_ms)]
    access_life_ms: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Lines,
    Json,
}

/// Waits for the end of standard input. What is read from it is ignored.
async fn end_of_stdin() -> std::io::Result<()> {
    tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await.map(|_| ())
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let options = Options {
        host: cli.host,
        port: cli.port,
        origins: cli.origins,
        allow_absent_origin: cli.allow_absent_origin,
        allow_non_loopback: cli.allow_non_loopback,
        files: cli.files,
        spa: cli.spa,
        settings: Settings {
            ticket_life_ms: cli.ticket_life_ms,
            access_life_ms: cli.access_life_ms,
            ..Settings::default()
        },
        ..Options::default()
    };
    match MockServer::start_with(options).await {
        Ok(server) => {
            let addresses = match cli.format {
                Format::Lines => format!("{}\n{}\n", server.url(), server.control_url()),
                Format::Json => {
                    let (url, ws_url) = (server.url(), server.ws_url());
                    format!("{}\n", json!({"url": url, "wsUrl": ws_url, "controlUrl": server.control_url()}))
                }
            };
            // Whoever reads only the first line may be gone.
            std::io::stdout().write_all(addresses.as_bytes()).ok();
            let ended = tokio::select! {
                ended = tokio::signal::ctrl_c() => ended,
                ended = end_of_stdin(), if cli.end_with_stdin => ended,
            };
            match ended {
                // A read of standard input may be under way, which would hold the runtime back.
                Ok(()) => std::process::exit(0),
                Err(error) => {
                    eprintln!("error: {error}");
                    ExitCode::FAILURE
                }
            }
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}
