//! What the face says of a scheme, and is told of a session and of a failure.

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
    /// What a session tells the face.
    pub enum SessionNews {
        /// The state or the tokens; with what has ended the session, or undefined.
        Changed = 0 "changed",
        /// With what it threw.
        StoreFailed = 1 "storeFailed",
        /// With the refusal.
        RenewalRefused = 2 "renewalRefused",
    }
}

numbered! {
    /// What a failure asks for: [`Disposition`](crate::error::Disposition) without its wait.
    pub enum Remedy {
        /// Try again.
        Retry = 0 "retry",
        /// Renew the token, then try again.
        RefreshToken = 1 "refreshToken",
        /// The person has to sign in.
        SignIn = 2 "signIn",
        /// Trying again cannot help.
        GiveUp = 3 "giveUp",
    }
}
