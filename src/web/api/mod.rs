//! Sessions and sockets for a Rust app in a browser.

mod connection;
mod session;
mod store;
mod stream;

pub use connection::{AuthSocket, Sink};
pub use session::{Session, SessionEvent, Surroundings};
pub use store::store;
pub use stream::{Incoming, SocketStream};

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
