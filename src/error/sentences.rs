//! What failures are called and told with.
//!
//! A failure crosses into JavaScript as a number. The npm package has this table beside the wasm, made of it at build time.

/// Where the seven sentences about an HTTP call begin, by what it was for.
pub(super) const LOGIN: u8 = 21;
pub(super) const REFRESH: u8 = 28;
pub(super) const TICKET: u8 = 35;
pub(super) const PROBE: u8 = 44;

/// The code and the sentence of each number.
pub const SENTENCES: [(&str, &str); 54] = [
    ("AUTH_REJECTED", "the server closed the connection instead of accepting the token"),
    ("AUTH_REJECTED", "the server rejected the first message"),
    ("SUBPROTOCOL_MISMATCH", "the server chose none of the offered subprotocols"),
    ("AUTH_TIMED_OUT", "no answer to the first message in time"),
    ("BLOCKED", "the browser blocked the connection (Content-Security-Policy or mixed content)"),
    ("CONNECTION_LOST", "the connection was lost"),
    ("MESSAGE_TOO_BIG", "a message was longer than the server accepts"),
    ("CLOSED_BY_SERVER", "the server closed the connection"),
    ("CONNECT_TIMED_OUT", "no connection in time"),
    (
        "CONNECT_FAILED",
        "the connection could not be opened; browsers hide whether the server refused it or the network failed",
    ),
    ("MESSAGE_TOO_BIG", "the server sent a message longer than maxMessageSize allows"),
    (
        "HANDSHAKE_REFUSED",
        "several connections in a row could not be opened; check the server, the URL, the allowed Origins and the token",
    ),
    ("TICKET_EXPIRED", "the ticket took longer to arrive than it lives"),
    ("TOKEN_EXPIRED", "the session has expired; sign in again"),
    ("INVALID_CREDENTIALS", "the server refused these credentials"),
    ("TOKEN_MISSING", "nobody is signed in: call login() or setTokens() first"),
    ("REFRESH_LOST", "the answer to a renewal was lost, and the next was refused; sign in again"),
    ("REFRESH_REJECTED", "the server no longer accepts this session; sign in again"),
    ("STALE_COOKIE", "the server refused a cookie of an earlier session: let it delete that, then log in again"),
    ("SUPERSEDED", "a later login, setTokens() or logout() took its place"),
    ("TOKEN_UNFIT", "this credential cannot be a subprotocol: use base64url, or another scheme"),
    ("LOGIN_FAILED", "the answer is not JSON"),
    ("LOGIN_FAILED", "the answer has no text where `field` points"),
    ("LOGIN_FAILED", "the answer's URL is not encrypted, or of a host that `urlHosts` does not name"),
    ("LOGIN_FAILED", "the answer is longer than 1 MiB"),
    ("LOGIN_FAILED", "no answer (offline, refused, or hidden by CORS or CSP)"),
    ("LOGIN_FAILED", "the server answered with an error"),
    ("LOGIN_FAILED", "no answer in time"),
    ("REFRESH_FAILED", "the answer is not JSON"),
    ("REFRESH_FAILED", "the answer has no text where `field` points"),
    ("REFRESH_FAILED", "the answer's URL is not encrypted, or of a host that `urlHosts` does not name"),
    ("REFRESH_FAILED", "the answer is longer than 1 MiB"),
    ("REFRESH_FAILED", "no answer (offline, refused, or hidden by CORS or CSP)"),
    ("REFRESH_FAILED", "the server answered with an error"),
    ("REFRESH_FAILED", "no answer in time"),
    ("TICKET_MALFORMED", "the answer is not JSON"),
    ("TICKET_MALFORMED", "the answer has no text where `field` points"),
    ("TICKET_MALFORMED", "the answer's URL is not encrypted, or of a host that `urlHosts` does not name"),
    ("TICKET_MALFORMED", "the answer is longer than 1 MiB"),
    ("TICKET_NETWORK", "no answer (offline, refused, or hidden by CORS or CSP)"),
    ("TICKET_REJECTED", "the server answered with an error"),
    ("TICKET_TIMED_OUT", "no answer in time"),
    ("TICKET_UNAUTHORIZED", "the server answered with an error"),
    ("TICKET_FORBIDDEN", "the server answered with an error"),
    ("SERVER_UNREACHABLE", "the answer is not JSON"),
    ("SERVER_UNREACHABLE", "the answer has no text where `field` points"),
    ("SERVER_UNREACHABLE", "the answer's URL is not encrypted, or of a host that `urlHosts` does not name"),
    ("SERVER_UNREACHABLE", "the answer is longer than 1 MiB"),
    ("SERVER_UNREACHABLE", "no answer (offline, refused, or hidden by CORS or CSP)"),
    ("SERVER_UNAVAILABLE", "the server answered with an error"),
    ("SERVER_UNREACHABLE", "no answer in time"),
    ("HANDSHAKE_UNAUTHORIZED", "the server does not accept the token"),
    ("HANDSHAKE_FORBIDDEN", "the server forbids this connection"),
    ("CONNECTION_SILENT", "the server did not answer a ping in time"),
];

/// The row of a number.
pub(super) fn of(number: u8) -> (&'static str, &'static str) {
    SENTENCES.get(usize::from(number)).copied().unwrap_or_default()
}
