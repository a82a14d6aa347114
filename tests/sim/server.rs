//! The scripted backend of the simulation: accounts, tokens, tickets and sockets as a server keeps them.
//!
//! It is written from the wire facts in `docs` and shares only plain HTTP data with the machines.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gatepass::proto::http::{HttpRequest, HttpResponse, NoAnswer};
use gatepass::proto::{Json, Secret};

use crate::codec::json;

/// Every credential that the simulated server issues begins with this, so that a leak can be recognised.
pub const MARK: &str = "SECRET-";

#[derive(Debug, Default)]
pub struct Server {
    pub is_up: bool,
    /// Milliseconds since 1970.
    pub unix: i64,
    pub access_life_ms: i64,
    pub ticket_life_ms: i64,
    pub rotates: bool,
    /// What happens to a refresh token after it was exchanged.
    pub replay: Replay,
    /// Keeps the refresh token in a cookie, and answers `""` in its place.
    pub uses_cookie: bool,
    pub has_refresh: bool,
    /// Answers to give instead of the normal one, in order, by endpoint.
    pub faults: BTreeMap<&'static str, VecDeque<Fault>>,
    pub refuse_handshakes: u32,
    pub is_silent: bool,
    pub withholds_hello: bool,
    /// Receives messages without acknowledging them.
    pub withholds_acks: bool,
    /// The subprotocol that it chooses; empty: none.
    pub subprotocol: &'static str,
    /// How the first-message consumer refuses a bad token.
    pub bad_token: BadToken,
    /// Accepts another first message on an accepted socket.
    pub takes_again: bool,
    /// Whether each message of the app is answered.
    pub answers: bool,
    /// How often each ping is answered.
    pub pongs: u32,
    /// Extra members of tickets and acks, as JSON text: `,"spread":9`.
    pub hint: &'static str,
    /// The reason of its close frames.
    pub goodbye: &'static str,
    /// Refuses every token on every socket.
    pub refuses_all: bool,
    /// Whether a session may be lost although the server has not ended it, because an answer was lost.
    pub may_lose: bool,
    access: BTreeMap<String, Access>,
    refresh: BTreeMap<String, String>,
    /// Refresh tokens that were exchanged, with their successors; and those whose answer arrived.
    exchanged: BTreeMap<String, String>,
    arrived: BTreeSet<String>,
    repeats: BTreeMap<String, String>,
    tickets: BTreeMap<String, (String, i64)>,
    /// The refresh token in the browser's cookie.
    cookie: Option<String>,
    pub log: Log,
    counter: u32,
}

/// Counters for tests.
#[derive(Debug, Default)]
pub struct Log {
    pub minted: u32,
    pub refreshed: u32,
    pub refreshes_asked: u32,
    pub logins: u32,
    pub probes: u32,
    pub pings: u32,
    /// Messages that arrived again to be acknowledged.
    pub repeated: u32,
    pub dials: u32,
    pub authenticated_again: u32,
    pub reused_tickets: u32,
    pub used_tickets: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Access {
    user: String,
    expires: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadToken {
    #[default]
    CloseNormal,
    Close4401,
    RejectMessage,
}

/// How a server that rotates answers a refresh token that it has exchanged before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replay {
    /// It is on the blacklist (simplejwt).
    #[default]
    Refused,
    /// As a new one: there is no blacklist.
    Exchanged,
    /// With the same successor (the grace period of django-oauth-toolkit).
    Repeated,
}

#[derive(Clone, Debug)]
pub enum Fault {
    Status(u16, Option<&'static str>),
    Answer(u16, &'static str),
    /// The request is processed, but the answer is lost.
    Lost,
}

/// The server's answer to a dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handshake {
    Refused,
    Accepted { user: Option<String> },
    Hangs,
}

/// What the server does on an open socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    Text(String),
    Close(u16),
}

impl Server {
    pub fn new() -> Self {
        Self {
            is_up: true,
            access_life_ms: 300_000,
            ticket_life_ms: 60_000,
            has_refresh: true,
            pongs: 1,
            ..Self::default()
        }
    }

    fn issue(&mut self, kind: &str) -> String {
        self.counter += 1;
        format!("{MARK}{kind}-{}", self.counter)
    }

    pub fn new_access(&mut self, user: &str) -> String {
        let token = self.issue("access");
        self.knows(&token, user);
        token
    }

    /// Accepts this token from now on, for the usual time.
    pub fn knows(&mut self, token: &str, user: &str) {
        let access = Access { user: user.to_owned(), expires: self.unix + self.access_life_ms };
        self.access.insert(token.to_owned(), access);
    }

    pub fn new_refresh(&mut self, user: &str) -> String {
        let token = self.issue("refresh");
        self.refresh.insert(token.clone(), user.to_owned());
        token
    }

    /// Forgets all access tokens: each is refused from now on.
    pub fn revoke_access(&mut self) {
        self.access.clear();
    }

    pub fn revoke_refresh(&mut self) {
        self.may_lose = true;
        self.refresh.clear();
    }

    pub fn restart(&mut self) {
        self.tickets.clear();
        self.is_silent = false;
    }

    pub fn user_of(&self, access: &str) -> Option<String> {
        self.access.get(access).filter(|token| token.expires > self.unix).map(|token| token.user.clone())
    }

    /// Answers a request; `None`: no answer arrives.
    pub fn http(&mut self, request: &HttpRequest) -> Option<HttpResponse> {
        let endpoint = match request.url.rsplit('/').next() {
            Some("login") => "login",
            Some("refresh") => "refresh",
            Some("probe") => "probe",
            _ => "ticket",
        };
        self.log.refreshes_asked += u32::from(endpoint == "refresh");
        let fault = self.faults.get_mut(endpoint).and_then(VecDeque::pop_front);
        if let Some(Fault::Status(status, retry_after)) = fault {
            self.may_lose |= matches!(status, 400..=403);
            return Some(response(status, "{}", retry_after));
        }
        if let Some(Fault::Answer(status, body)) = fault {
            self.may_lose |= matches!(status, 400..=403);
            return Some(response(status, body, None));
        }
        let body = json(request.body.as_ref().map_or("null", |body| body.text.expose()));
        let answer = match endpoint {
            "login" => self.login(&body),
            "refresh" => self.renew(&body, request.cookies),
            "probe" => {
                self.log.probes += 1;
                response(if self.bearer(request).is_some() { 200 } else { 401 }, "{}", None)
            }
            _ => self.mint(request),
        };
        if matches!(fault, Some(Fault::Lost)) {
            self.may_lose |= endpoint == "refresh";
            return None;
        }
        Some(answer)
    }

    fn login(&mut self, body: &Json) -> HttpResponse {
        self.log.logins += 1;
        let user = body.text_at("username").unwrap_or_default();
        if body.text_at("password").as_deref() != Some("SECRET-password") {
            return response(401, r#"{"detail":"No active account found"}"#, None);
        }
        self.token_answer(&user, true)
    }

    fn renew(&mut self, body: &Json, has_cookies: bool) -> HttpResponse {
        let cookie = self.cookie.clone().filter(|_| has_cookies);
        let token = body.text_at("refresh").or(cookie).unwrap_or_default();
        if self.replay == Replay::Refused {
            assert!(!self.arrived.contains(&token), "a refresh token was used twice");
        }
        if let Some(answer) = self.repeats.get(&token) {
            return response(200, answer, None);
        }
        let Some(user) = self.refresh.get(&token).cloned() else {
            return response(401, r#"{"code":"token_not_valid"}"#, None);
        };
        self.log.refreshed += 1;
        if self.rotates && self.replay == Replay::Refused {
            self.refresh.remove(&token);
        }
        let answer = self.token_answer(&user, self.rotates);
        let text = answer.body.expose().to_owned();
        if self.replay == Replay::Repeated {
            self.repeats.insert(token.clone(), text.clone());
        }
        if self.rotates {
            self.exchanged.insert(text, token);
        }
        answer
    }

    /// An answer has arrived: the refresh token of its request must not be sent again.
    pub fn was_answered(&mut self, result: &Result<HttpResponse, NoAnswer>) {
        if let Ok(response) = result
            && let Some(token) = self.exchanged.remove(response.body.expose())
        {
            self.arrived.insert(token);
        }
    }

    fn token_answer(&mut self, user: &str, with_refresh: bool) -> HttpResponse {
        let access = self.new_access(user);
        let life = self.access_life_ms as f64 / 1000.0;
        let mut body = format!(r#"{{"access":"{access}","expires_in":{life}"#);
        if with_refresh && self.has_refresh {
            let refresh = self.new_refresh(user);
            let told = if self.uses_cookie { "" } else { &refresh };
            body += &format!(r#","refresh":"{told}""#);
            self.cookie = self.uses_cookie.then_some(refresh);
        }
        response(200, &(body + "}"), None)
    }

    /// The user of the request's token.
    fn bearer(&self, request: &HttpRequest) -> Option<String> {
        self.user_of(request.authorization.as_ref()?.expose().strip_prefix("Bearer ")?)
    }

    fn mint(&mut self, request: &HttpRequest) -> HttpResponse {
        let Some(user) = self.bearer(request) else { return response(401, "{}", None) };
        self.log.minted += 1;
        let ticket = self.issue("ticket");
        let expires = self.unix + self.ticket_life_ms;
        self.tickets.insert(ticket.clone(), (user, expires));
        response(200, &format!(r#"{{"ticket":"{ticket}","expires":{}{}}}"#, expires / 1000, self.hint), None)
    }

    /// Answers a handshake by the credential in the URL.
    pub fn handshake(&mut self, url: &str) -> Handshake {
        self.log.dials += 1;
        if self.is_silent {
            return Handshake::Hangs;
        }
        if self.refuse_handshakes > 0 {
            self.refuse_handshakes -= 1;
            return Handshake::Refused;
        }
        let parameter = |name: &str| url.split_once(&format!("?{name}=")).map(|(_, value)| value.to_owned());
        if let Some(ticket) = parameter("ticket") {
            if !self.log.used_tickets.insert(ticket.clone()) {
                self.log.reused_tickets += 1;
            }
            return match self.tickets.remove(&ticket) {
                Some((user, expires)) if expires > self.unix => Handshake::Accepted { user: Some(user) },
                _ => Handshake::Refused,
            };
        }
        if let Some(token) = parameter("token") {
            return match self.user_of(&token) {
                Some(user) => Handshake::Accepted { user: Some(user) },
                None => Handshake::Refused,
            };
        }
        Handshake::Accepted { user: None }
    }

    /// Answers a first message: the user, and the reply.
    pub fn first_message(&self, text: &str, says_ack: bool) -> (Option<String>, Option<Say>) {
        let message = json(text);
        let token = &message.text_at("token").unwrap_or_default();
        match (self.user_of(token).filter(|_| !self.refuses_all), self.bad_token) {
            (Some(user), _) => {
                (Some(user), says_ack.then(|| Say::Text(format!(r#"{{"type":"auth_ok"{}}}"#, self.hint))))
            }
            (None, BadToken::CloseNormal) => (None, Some(Say::Close(1000))),
            (None, BadToken::Close4401) => (None, Some(Say::Close(4401))),
            (None, BadToken::RejectMessage) => (None, Some(Say::Text(r#"{"type":"auth_invalid"}"#.to_owned()))),
        }
    }
}

fn response(status: u16, body: &str, retry_after: Option<&str>) -> HttpResponse {
    HttpResponse { status, retry_after: retry_after.map(str::to_owned), date: None, body: Secret::new(body.to_owned()) }
}
