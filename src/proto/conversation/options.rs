//! What a conversation is told: the options of npm's `gatepass/conversation`, with the same meaning.

use super::super::{Json, Millis};
use super::cursors::LastCursors;
use super::matching::{IdType, Matcher};
use crate::error::ConfigError;

/// Options of a conversation.
#[derive(Clone, Debug)]
pub struct ConversationConfig {
    /// What requests have in common: [`RequestOptions`] that say nothing else.
    pub requests: RequestOptions,
    /// How many requests may wait for an answer at a time.
    pub max_requests: usize,
    /// Where the whole socket goes on after a loss. `"$cursor"` stands for the last cursor in the first message and in subscriptions.
    pub resume: Option<Resume>,
    /// The cursors of another time: those that [`LastCursors::iter`] has given for the same user.
    pub cursors: LastCursors,
}

impl Default for ConversationConfig {
    fn default() -> Self {
        Self { requests: RequestOptions::default(), max_requests: 1_000, resume: None, cursors: LastCursors::default() }
    }
}

impl ConversationConfig {
    /// Checks the options.
    ///
    /// # Errors
    /// An empty name in a path, an unknown placeholder in a matcher.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.requests.check()?;
        self.resume.as_ref().map_or(Ok(()), Resume::check)
    }
}

/// Options of a subscription.
#[derive(Clone, Debug)]
pub struct SubscribeOptions {
    /// Which messages are its own.
    pub matcher: Matcher,
    /// What is sent when its last holder leaves; `"$id"` stands for its id. Without one at the place of `id`, it gets an id of its own.
    pub leave: Option<Json>,
    /// Those who subscribe with the same key share one. By default it is the message as JSON.
    pub key: Option<String>,
    /// Where its id goes in the message: a name, or names with dots between. Each connection has another. By default it has none.
    pub id: Option<String>,
    /// What its id is.
    pub id_type: IdType,
    /// The server's answer: it has joined. It is not delivered. By default it counts as joined when the message was sent.
    pub reply: Option<Matcher>,
    /// The server's refusal: it ends.
    pub error: Option<Matcher>,
    /// The server's last word: it ends, without an error.
    pub end: Option<Matcher>,
    /// Where it goes on after a loss, by a cursor of its own. `"$cursor"` in the message stands for it. By default that of the socket.
    pub resume: Option<Resume>,
}

impl SubscribeOptions {
    /// Makes the options of a subscription that has these messages.
    #[must_use]
    pub fn new(matcher: impl Into<Matcher>) -> Self {
        Self {
            matcher: matcher.into(),
            leave: None,
            key: None,
            id: None,
            id_type: IdType::Number,
            reply: None,
            error: None,
            end: None,
            resume: None,
        }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// An empty name in a path, an unknown placeholder in a matcher, an empty key.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.key.as_deref() == Some("") {
            return Err(ConfigError::option("key", "it is empty"));
        }
        if let Some(path) = &self.id {
            check_path("id", path)?;
        }
        let known: &[&str] = if self.id.is_some() { &["id"] } else { &[] };
        check_matcher("match", Some(&self.matcher), known)?;
        check_matcher("reply", self.reply.as_ref(), known)?;
        check_matcher("error", self.error.as_ref(), known)?;
        check_matcher("end", self.end.as_ref(), known)?;
        self.resume.as_ref().map_or(Ok(()), Resume::check)
    }
}

/// Options of a request.
#[derive(Clone, Debug)]
pub struct RequestOptions {
    /// Where the id is in the message: a name, or names with dots between. What the message has there already is its id.
    pub id: String,
    /// What its id is.
    pub id_type: IdType,
    /// The answer, with `"$id"` where its id is. By default a message with the same id at the same place.
    pub reply: Option<Matcher>,
    /// A refusal, with `"$id"` where its id is. It is looked for before `reply`.
    pub error: Option<Matcher>,
    /// How long the answer may take once the request is sent; `None` or zero for as long as the connection lasts.
    pub timeout: Option<Millis>,
    /// Whether it may be sent twice: after a loss it is sent again.
    pub resend: bool,
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self {
            id: "id".to_owned(),
            id_type: IdType::Number,
            reply: None,
            error: None,
            timeout: Some(Millis::from_secs(30)),
            resend: false,
        }
    }
}

impl RequestOptions {
    /// Checks the options.
    ///
    /// # Errors
    /// An empty name in a path, an unknown placeholder in a matcher.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_path("id", &self.id)?;
        check_matcher("reply", self.reply.as_ref(), &["id"])?;
        check_matcher("error", self.error.as_ref(), &["id"])
    }
}

/// How the server numbers its messages, and what it says after a loss.
#[derive(Clone, Debug)]
pub struct Resume {
    /// Where a message has its cursor: a name, or names with dots between. Numbers grow; a text is compared with the last 1,000.
    pub cursor: String,
    /// The server says that it goes on where the client was.
    pub resumed: Option<Matcher>,
    /// The server says that it cannot: what lies between is lost. The cursor begins anew.
    pub too_old: Option<Matcher>,
}

impl Resume {
    /// Makes the options of messages that have their cursor at this path.
    #[must_use]
    pub fn new(cursor: &str) -> Self {
        Self { cursor: cursor.to_owned(), resumed: None, too_old: None }
    }

    fn check(&self) -> Result<(), ConfigError> {
        check_path("resume.cursor", &self.cursor)?;
        check_matcher("resume.resumed", self.resumed.as_ref(), &["id"])?;
        check_matcher("resume.tooOld", self.too_old.as_ref(), &["id"])
    }
}

fn check_path(option: &'static str, path: &str) -> Result<(), ConfigError> {
    if path.split('.').any(str::is_empty) {
        return Err(ConfigError::option(option, "a name is needed, or names with dots between"));
    }
    Ok(())
}

fn check_matcher(option: &'static str, matcher: Option<&Matcher>, known: &[&str]) -> Result<(), ConfigError> {
    match matcher {
        Some(Matcher::Json(json)) => match json.unknown_hole(known) {
            Some(hole) => Err(ConfigError::InvalidOption {
                option,
                problem: "this is no placeholder here; `$$` is a plain `$`",
                value: format!("${hole}"),
            }),
            None => Ok(()),
        },
        Some(Matcher::Function(_)) | None => Ok(()),
    }
}
