//! A credential that cannot be printed.
//!
//! Rules: no `Display`, no `Serialize`; `Debug` says nothing; reading is a visible [`Secret::expose`]; memory is wiped on
//! drop (best effort: copies that JavaScript holds are out of reach).

use core::fmt;

use zeroize::Zeroizing;

/// A token, ticket, password, or a text that contains one.
///
/// # Security
/// What [`Secret::expose`] returns goes to the wire and nowhere else.
///
/// # Examples
/// ```
/// use gatepass::proto::Secret;
///
/// let token = Secret::new("eyJhbGciOi".to_owned());
/// assert_eq!(format!("{token:?}"), "[redacted]");
/// assert_eq!(token.expose(), "eyJhbGciOi");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a credential.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Returns the credential itself, to hand to the wire.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_116_a_secret_prints_nothing_of_itself() {
        let secret = Secret::new("hunter2".to_owned());

        let printed = format!("{secret:?} {:?} {secret:#?}", Some(&secret));

        assert!(!printed.contains("hunter2"), "{printed}");
        assert!(printed.contains("[redacted]"));
    }
}
