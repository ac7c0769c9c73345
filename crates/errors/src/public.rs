//! Text made fit for a client or a log line: bounded, one line, printable.

/// Most characters of a detail that a client is shown.
pub(crate) const DETAIL_CHARS: usize = 240;
/// Most characters of a cause that is logged.
pub(crate) const CAUSE_CHARS: usize = 1_024;

/// At most `chars` characters of `text`, controls replaced by spaces.
pub(crate) fn one_line(text: &str, chars: usize) -> String {
    let clean = |char: char| if char.is_control() { ' ' } else { char };
    let mut out: String = text.trim().chars().take(chars).map(clean).collect();
    if text.trim().chars().nth(chars).is_some() {
        out.pop();
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_and_flattened() {
        assert_eq!(one_line(" a\nb\u{1b}c ", 10), "a b c");
        assert_eq!(one_line("äöüß", 3), "äö…");
        assert_eq!(one_line("äöü", 3), "äöü");
    }
}
