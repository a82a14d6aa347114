//! What the browser's drivers say to a machine: the numbers by which `port.js` and `tabs.js` name it.

use super::numbered;

numbered! {
    /// What is heard of the browser. The data of each is said in `src/web/port.rs`.
    pub enum Heard {
        /// A message arrived on a socket.
        Message = 0 "message",
        /// A socket opened.
        Opened = 1 "opened",
        /// A socket reported an error.
        Failed = 2 "failed",
        /// A socket closed.
        Closed = 3 "closed",
        /// An HTTP request was answered, or was not.
        Answered = 4 "answered",
        /// The timer rang.
        Rang = 5 "rang",
        /// The browser refused to make a socket.
        Refused = 6 "refused",
        /// What is in the store.
        Stored = 7 "stored",
        /// The lock is ours.
        Locked = 8 "locked",
        /// The store failed.
        StoreFailed = 9 "storeFailed",
        /// The app's own source has answered, or has not.
        Provided = 10 "provided",
        /// Another machine has left something in the inbox.
        Told = 11 "told",
        /// The page, or the network of the computer, changed.
        Page = 12 "page",
        /// The store was written, or was not.
        Written = 13 "written",
        /// Somebody else may have changed the store.
        StoreChanged = 14 "storeChanged",
        /// A twin of this tab has written to its own store.
        Twin = 15 "twin",
    }
}

numbered! {
    /// How the app's own source of tokens answers.
    pub enum SourceAnswer {
        /// With a token.
        Token = 0 "token",
        /// It failed in a way that may pass.
        Failed = 1 "failed",
        /// The person has to sign in.
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
