//! What crosses between a machine and a driver that is written in JavaScript: the numbers of what it is told, asks for and answers.
//!
//! The names are those of [`connection`](crate::proto::connection) and [`session`](crate::proto::session). What goes with a number is said where
//! it is read and written: `src/web/core`.

use super::numbered;

numbered! {
    /// What a connection is told: [`connection::Input`](crate::proto::connection::Input).
    pub enum ConnectionInput {
        /// The app closes.
        Close = 0 "close",
        /// The app connects.
        Connect = 1 "connect",
        /// An HTTP request has ended.
        Http = 2 "http",
        /// A message that was to be read.
        Inspected = 3 "inspected",
        /// The page, or the network of the computer, changed.
        Page = 4 "page",
        /// The session changed.
        Session = 5 "session",
        /// A socket closed.
        SocketClosed = 6 "socketClosed",
        /// A socket reported an error.
        SocketError = 7 "socketError",
        /// A socket opened.
        SocketOpened = 8 "socketOpened",
        /// The browser refused to make a socket.
        SocketRefused = 9 "socketRefused",
        /// Time has passed.
        Timeout = 10 "timeout",
        /// The session has answered.
        Token = 11 "token",
        /// The token should be renewed.
        TokenDue = 12 "tokenDue",
        /// A message is too long.
        TooLong = 13 "tooLong",
        /// A function of the app has answered, or has not.
        Answered = 14 "answered",
    }
}

numbered! {
    /// What a connection asks for: [`connection::Output`](crate::proto::connection::Output), its events among them.
    pub enum ConnectionOutput {
        /// Stop a request.
        AbortFetch = 0 "abortFetch",
        /// Close a socket.
        CloseSocket = 1 "closeSocket",
        /// An event: a connection has ended.
        Closed = 2 "closed",
        /// Hand the message that was read to the app.
        Deliver = 3 "deliver",
        /// Forget messages.
        Discard = 4 "discard",
        /// Make an HTTP request.
        Fetch = 5 "fetch",
        /// An event: what became of a message.
        Message = 6 "message",
        /// Open a socket.
        Open = 7 "open",
        /// An event: connected.
        Opened = 8 "opened",
        /// Hand a message to a socket.
        Send = 9 "send",
        /// Send a text.
        SendText = 10 "sendText",
        /// An event: the state or the phase changed.
        StateChanged = 11 "stateChanged",
        /// Nobody waits for the session's answer.
        CancelTokenRequest = 12 "cancelTokenRequest",
        /// Ask the session for a token.
        RequestToken = 13 "requestToken",
        /// Ask a function of the app.
        Ask = 14 "ask",
        /// An event: another socket has taken over.
        HandedOver = 15 "handedOver",
        /// Messages of a socket may pass.
        Lane = 16 "lane",
    }
}

numbered! {
    /// What a session is told: [`session::Input`](crate::proto::session::Input).
    pub enum SessionInput {
        /// An HTTP request has ended.
        Http = 0 "http",
        /// The lock is ours.
        Locked = 1 "locked",
        /// The app signs in.
        Login = 2 "login",
        /// The app signs out.
        Logout = 3 "logout",
        /// The app's own source has answered, or has not.
        Provided = 4 "provided",
        /// The app brings tokens.
        SetTokens = 5 "setTokens",
        /// Another tab may have changed the store.
        StoreChanged = 6 "storeChanged",
        /// What is in the store.
        Stored = 7 "stored",
        /// Time has passed.
        Timeout = 8 "timeout",
        /// A twin of this tab has written to its own store.
        Twin = 9 "twin",
        /// Nobody waits for a token.
        CancelTokenRequest = 10 "cancelTokenRequest",
        /// Somebody needs a token.
        RequestToken = 11 "requestToken",
        /// The store was written, or was not.
        Written = 12 "written",
        /// Another tab has signed out.
        LoggedOut = 13 "loggedOut",
        /// Another tab has found no session.
        NotRestored = 14 "notRestored",
    }
}

numbered! {
    /// What a session asks for: [`session::Output`](crate::proto::session::Output).
    pub enum SessionOutput {
        /// Stop a request.
        AbortFetch = 0 "abortFetch",
        /// The state or the tokens changed.
        Changed = 1 "changed",
        /// The token should be renewed.
        Due = 2 "due",
        /// Empty the store.
        Erase = 3 "erase",
        /// Make an HTTP request.
        Fetch = 4 "fetch",
        /// Ask the app's own source.
        GetToken = 5 "getToken",
        /// Wait for the lock.
        Lock = 6 "lock",
        /// Answer a `login()`.
        LoginDone = 7 "loginDone",
        /// Read the store.
        Read = 8 "read",
        /// A renewal was refused.
        RenewalRefused = 9 "renewalRefused",
        /// Answer a token request.
        Token = 10 "token",
        /// Let go of the lock.
        Unlock = 11 "unlock",
        /// Write to the store.
        Write = 12 "write",
        /// Tell the other tabs that this one has signed out.
        LoggedOut = 13 "loggedOut",
        /// Tell the other tabs that there is no session.
        NotRestored = 14 "notRestored",
    }
}

numbered! {
    /// What becomes of a message that the app sends: [`Sent`](crate::proto::connection::Sent), or why it was not taken.
    pub enum SendAnswer {
        /// It goes to the present socket.
        Now = 0 "now",
        /// The same, and the server is to confirm it.
        Unconfirmed = 1 "unconfirmed",
        /// It waits.
        Queued = 2 "queued",
        /// It is given up.
        Dropped = 3 "dropped",
        /// It was not taken: the connection is closed.
        Closed = 4 "closed",
        /// It was not taken: too much waits.
        QueueFull = 5 "queueFull",
    }
}

numbered! {
    /// What becomes of a message that arrived: [`Inbound`](crate::proto::connection::Inbound).
    pub enum ReceiveAnswer {
        /// It is for the app.
        Deliver = 0 "deliver",
        /// It is for nobody.
        Ignore = 1 "ignore",
        /// It is to be read.
        Inspect = 2 "inspect",
        /// It is too long.
        TooLong = 3 "tooLong",
    }
}

numbered! {
    /// Which token is asked for: [`TokenRequirement`](crate::proto::session::TokenRequirement).
    pub enum RequirementKind {
        /// Another than this generation, if there can be one.
        PreferOther = 0 "preferOther",
        /// Another than this generation.
        OtherThan = 1 "otherThan",
        /// One that is usable for so many milliseconds.
        ValidFor = 2 "validFor",
    }
}

numbered! {
    /// How the app's own source of tokens answers.
    pub enum SourceAnswer {
        /// With a token.
        Token = 0 "token",
        /// It failed temporarily.
        Failed = 1 "failed",
        /// The user has to sign in.
        SignInRequired = 2 "signInRequired",
    }
}

numbered! {
    /// How an HTTP request ended.
    pub enum HttpEnd {
        /// With a response.
        Response = 0 "response",
        /// There was no answer.
        Failed = 1 "failed",
        /// The body is longer than is read.
        TooLong = 2 "tooLong",
    }
}
