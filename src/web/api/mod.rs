//! Sessions and sockets for a Rust app in a browser.

mod connection;
mod conversation;
mod fetch;
mod session;
mod store;
mod stream;
mod typed;

pub use crate::error::JsonError;
pub use connection::{AuthSocket, Sink};
pub(crate) use conversation::{Link, converse};
pub use fetch::FetchError;
pub use session::{Session, SessionEnvironment, SessionEvent, SignInError};
pub use store::store;
pub use stream::{Incoming, SocketStream};
pub use typed::{JsonStream, login_details};

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/web/driver.js")]
extern "C" {
    #[wasm_bindgen(js_name = seed)]
    fn random_seed() -> f64;
}

/// Returns a seed for the jitter; it guards no secret.
fn seed() -> u64 {
    random_seed() as u64
}
