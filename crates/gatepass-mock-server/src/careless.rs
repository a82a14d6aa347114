//! What a careless server forgets, each on purpose and by itself, so that a check of a server can be seen to find its fault.

use serde::{Deserialize, Serialize};

/// One thing that the server does not look at any more: see [`Command::BeCareless`](crate::Command::BeCareless).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Careless {
    /// Any Origin comes in, also null and none.
    AnyOrigin,
    /// A socket is accepted and then closed (1008) where its handshake would be refused: a stranger learns that it exists.
    AcceptsFirst,
    /// A message may be of any length.
    AnySize,
    /// No credential, and a made-up one, are maggie's.
    AnyToken,
    /// Every user is in every group.
    ForeignGroup,
    /// A socket hears the others before it has said who it is.
    HearsBefore,
    /// `Retry-After` and `Date` are not exposed to pages of other origins.
    HiddenHeaders,
    /// A malformed first message ends the connection without a close frame.
    MalformedResets,
    /// The id of a user in the query is believed.
    OthersId,
    /// A refresh token is taken for an access token.
    RefreshAsAccess,
    /// A socket is answered before it has said who it is.
    SpeaksBefore,
    /// A socket that says nothing is left open.
    SilentForever,
    /// A socket outlives its token, and the revocation of its user.
    SocketForever,
    /// Answers with a ticket may be stored.
    StoredTickets,
    /// A ticket outlives the logout of its user.
    TicketAfterLogout,
    /// A ticket is good for every origin.
    TicketAnywhere,
    /// A ticket has no end.
    TicketForever,
    /// A ticket is good more than once.
    TicketTwice,
    /// A refusal says why: made up, or ended.
    TellsWhy,
    /// A refusal comes late: whoever guesses learns something by the time that it takes, and holds a connection.
    SlowRefusals,
    /// A subprotocol that is not known is chosen.
    UnknownProtocol,
}
