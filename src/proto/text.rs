//! Cutting texts at ASCII characters.
//!
//! The standard library's pattern search would cost the download 2 kB for what these lines do.

/// Returns what stands before and after the first `at`.
pub(super) fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let index = text.bytes().position(|byte| byte == at)?;
    Some((text.get(..index)?, text.get(index + 1..)?))
}

/// Returns the pieces between the `at`s; of an empty text there is one, empty.
pub(super) fn pieces(text: &str, at: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let present = rest?;
        let (piece, after) = match cut(present, at) {
            Some((piece, after)) => (piece, Some(after)),
            None => (present, None),
        };
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_those_of_split() {
        for text in ["", "a", ".", "a.b", ".a..é.", "ü.ö"] {
            assert_eq!(pieces(text, b'.').collect::<Vec<_>>(), text.split('.').collect::<Vec<_>>(), "{text}");
            assert_eq!(cut(text, b'.'), text.split_once('.'), "{text}");
        }
    }
}
