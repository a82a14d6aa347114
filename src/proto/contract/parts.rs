//! What the face says of a scheme, and the places of what it is told: of a change, of a failure, of the counters.

use super::numbered;

numbered! {
    /// Which scheme a socket has: the `type` in its options.
    pub enum SchemeKind {
        /// No credential.
        Anonymous = 0 "anonymous",
        /// A cookie of a session's.
        Cookie = 1 "cookie",
        /// The first message holds it.
        FirstMessage = 2 "firstMessage",
        /// The token, in the URL.
        Query = 4 "query",
        /// The token, among the subprotocols.
        Subprotocol = 5 "subprotocol",
        /// A ticket.
        Ticket = 3 "ticket",
    }
}

numbered! {
    /// What a failure asks for: [`Disposition`](crate::error::Disposition) without its wait.
    pub enum Remedy {
        /// Try again.
        Retry = 0 "retry",
        /// Renew the token, then try again.
        RefreshToken = 1 "refreshToken",
        /// The user has to sign in.
        SignIn = 2 "signIn",
        /// Trying again cannot help.
        GiveUp = 3 "giveUp",
    }
}

numbered! {
    /// The parts of a failure that the face gets. A missing part is undefined.
    pub enum FailurePart {
        /// Which of the sentences it is.
        Sentence = 0 "sentence",
        /// A [`Remedy`].
        Remedy = 1 "remedy",
        /// The HTTP status.
        Status = 2 "status",
        /// The close code.
        CloseCode = 3 "closeCode",
        /// The least wait, in seconds.
        RetryAfter = 4 "retryAfter",
        /// The length that was too long, in bytes.
        Length = 5 "length",
    }
}

numbered! {
    /// What the face is told when the state or the phase of a socket changes. What is not there is undefined.
    pub enum ChangePart {
        /// A [`ConnectionState`](crate::proto::connection::ConnectionState).
        State = 0 "state",
        /// A [`Phase`](crate::proto::connection::Phase).
        Phase = 1 "phase",
        /// The previous state.
        Previous = 2 "previous",
        /// The close code.
        Code = 3 "code",
        /// The close reason.
        Reason = 4 "reason",
        /// Which try this is.
        Attempt = 5 "attempt",
        /// Milliseconds since 1970.
        RetryAt = 6 "retryAt",
        /// How many messages were given up.
        Dropped = 7 "dropped",
        /// What went wrong: [`FailurePart`].
        Failure = 8 "failure",
        /// Whether the user is another.
        UserChanged = 9 "userChanged",
        /// Whether an `error` event goes with it.
        FiresError = 10 "firesError",
        /// A [`SuspendReason`](crate::proto::connection::SuspendReason).
        SuspendedFor = 11 "suspendedFor",
    }
}

numbered! {
    /// The counters of a socket, by their names.
    pub enum StatPart {
        /// Tries started.
        Attempts = 0 "attempts",
        /// Connections accepted.
        Connections = 1 "connections",
        /// Messages handed to a socket.
        Sent = 2 "sent",
        /// Messages delivered to the app.
        Received = 3 "received",
        /// Queued messages that were dropped.
        Dropped = 4 "dropped",
        /// Messages waiting.
        Queued = 5 "queued",
        /// Bytes waiting.
        QueuedBytes = 6 "queuedBytes",
        /// Messages that the server is yet to confirm.
        Unacknowledged = 7 "unacknowledged",
    }
}
