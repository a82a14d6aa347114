//! What a dial sends: the scheme puts the credential into it, the connection hands it to the driver.

use super::Secret;

/// What a dial sends.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// With the credential, where the scheme puts it there.
    pub url: Secret,
    /// The subprotocols to offer; the last one may be the credential.
    pub protocols: Vec<Secret>,
    /// The `Authorization` header.
    #[cfg(not(target_family = "wasm"))]
    pub authorization: Option<Secret>,
}

impl Handshake {
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
