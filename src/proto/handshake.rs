//! The opening handshake (RFC 6455 §4): the scheme adds the credential, and the connection hands it to the driver.

use super::Secret;

/// What the opening handshake sends.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// The URL, with the credential if the scheme adds it there.
    pub url: Secret,
    /// The subprotocols to offer; the last one may be the credential.
    pub protocols: Vec<Secret>,
    /// The `Authorization` header.
    #[cfg(not(target_family = "wasm"))]
    pub authorization: Option<Secret>,
}

impl Handshake {
    /// Returns how long its URL and subprotocols are, in bytes.
    pub(crate) fn length(&self) -> usize {
        let protocols = self.protocols.iter().map(|protocol| protocol.expose().len()).sum::<usize>();
        self.url.expose().len() + protocols
    }

    pub(crate) fn new(url: Secret, protocols: &[String]) -> Self {
        let protocols = protocols.iter().map(|protocol| Secret::new(protocol.clone())).collect();
        Self {
            url,
            protocols,
            #[cfg(not(target_family = "wasm"))]
            authorization: None,
        }
    }
}
