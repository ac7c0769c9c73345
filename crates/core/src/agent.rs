//! What kind of client sends a request, by its `User-Agent`: a closed set, for
//! a log line. Clients may say what they like, so nothing is decided by it.

/// A class of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Agent {
    /// No `User-Agent`.
    #[default]
    None,
    /// A web browser.
    Browser,
    /// A crawler or a scanner that says so.
    Bot,
    /// Another program: an HTTP library, a command, a probe, an app.
    Program,
}

impl Agent {
    /// The class of a header value. Only its first 128 bytes are read.
    ///
    /// ```
    /// use plimsoll_core::Agent;
    ///
    /// let browser = b"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
    /// assert_eq!(Agent::of(browser), Agent::Browser);
    /// assert_eq!(Agent::of(b"Mozilla/5.0 (compatible; Googlebot/2.1)"), Agent::Bot);
    /// assert_eq!(Agent::of(b"curl/8.9.1"), Agent::Program);
    /// ```
    pub fn of(value: &[u8]) -> Self {
        let value = &value[..value.len().min(128)];
        if value.is_empty() {
            return Self::None;
        }
        if is_crawler(value) {
            return Self::Bot;
        }
        if value.starts_with(b"Mozilla/") {
            return Self::Browser;
        }
        Self::Program
    }

    /// The value on a log line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Browser => "browser",
            Self::Bot => "bot",
            Self::Program => "program",
        }
    }
}

/// The first letters of the words by which crawlers name themselves.
const FIRST: [bool; 256] = {
    let mut first = [false; 256];
    let mut letters: &[u8] = b"bBcCsS";
    while let [letter, rest @ ..] = letters {
        first[*letter as usize] = true;
        letters = rest;
    }
    first
};

/// Most crawlers begin like a browser and name themselves further on.
fn is_crawler(value: &[u8]) -> bool {
    let mut rest = value;
    while let [letter, after @ ..] = rest {
        if FIRST[usize::from(*letter)] {
            let begins = |word: &[u8]| {
                let part = rest.get(..word.len());
                part.is_some_and(|part| part.eq_ignore_ascii_case(word))
            };
            let named = match letter {
                b'b' | b'B' => begins(b"bot"),
                b'c' | b'C' => begins(b"crawl"),
                _ => begins(b"spider") || begins(b"scan"),
            };
            if named {
                return true;
            }
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_fall_into_a_closed_set() {
        for (value, class) in [
            ("", Agent::None),
            ("kube-probe/1.31", Agent::Program),
            ("okhttp/4.12.0", Agent::Program),
            ("masscan/1.3", Agent::Bot),
            ("Mozilla/5.0 (Macintosh) Safari/605.1.15", Agent::Browser),
            ("\u{1b}[2J", Agent::Program),
        ] {
            assert_eq!(Agent::of(value.as_bytes()), class, "{value}");
        }
    }
}
