//! Reads the `RateLimit` and `RateLimit-Policy` fields (draft-11; structured
//! fields, RFC 9651), strictly: a field that is not as the standard says is no
//! field. What is absurd is clamped.

use http::{HeaderMap, HeaderName, header};

use crate::headers::{RATE_LIMIT, RATE_LIMIT_POLICY};

/// Longest field that is read, in bytes, all its lines together.
const MAX_BYTES: usize = 4_096;

/// Most policies of one answer that are looked at.
pub(super) const MAX_POLICIES: usize = 8;

/// Longest window that is believed, in seconds: an hour.
pub(super) const MAX_SECONDS: u64 = 3_600;

/// Our own parameter for a burst that is not the quota.
const BURST: &str = "plimsoll-burst";

/// Most cells that are believed.
const MAX_CELLS: u64 = 1_000_000;

/// What an answer says of one policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    /// Requests that may be sent now (`r`).
    pub(super) left: u64,
    /// Seconds that what is left is for (`t`).
    pub(super) seconds: u64,
    /// Nanoseconds a request of the sustained rate: `w` divided by `q`.
    pub(super) interval: Option<u64>,
    /// Seconds of the policy's window (`w`).
    pub(super) window: Option<u64>,
    /// Most requests that may ever be saved up: a burst as our own servers tell
    /// it, else the quota (`q`); 0 if nothing is told.
    pub(super) most: u64,
}

/// What an answer says; nothing if it was kept by a cache on the way, since
/// then it is about somebody else's request.
pub(super) fn read(headers: &HeaderMap) -> Vec<Told> {
    let from_cache = headers.get(header::AGE).is_some_and(|age| age != "0");
    let Some(limits) = joined(headers, &RATE_LIMIT).filter(|_| !from_cache) else {
        return Vec::new();
    };
    let Some(limits) = list(&limits) else {
        return Vec::new();
    };
    let policies = joined(headers, &RATE_LIMIT_POLICY).and_then(|text| list(&text));
    let policies = policies.unwrap_or_default();
    let told = limits.iter().take(MAX_POLICIES).filter_map(|item| {
        let policy = policies.iter().find(|policy| policy.name == item.name);
        if policy.is_some_and(|policy| !policy.counts_requests()) {
            return None;
        }
        let number = |key| policy.and_then(|policy| policy.number(key));
        let most = number(BURST).or_else(|| number("q"));
        Some(Told {
            left: item.number("r")?.min(MAX_CELLS),
            // Without a window nothing is known of when more will be left.
            seconds: item.number("t")?.min(MAX_SECONDS),
            interval: policy.and_then(interval),
            window: number("w").map(|window| window.min(MAX_SECONDS * 24)),
            most: most.unwrap_or(0).min(MAX_CELLS),
        })
    });
    told.collect()
}

fn interval(policy: &Item) -> Option<u64> {
    let quota = policy.number("q").filter(|quota| *quota > 0)?;
    let window = policy.number("w")?.min(MAX_SECONDS * 24);
    Some(window * 1_000_000_000 / quota)
}

/// All lines of a field, joined as RFC 9110, section 5.3 says.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut whole = String::new();
    for line in headers.get_all(name) {
        let line = line.to_str().ok()?;
        if whole.len() + line.len() > MAX_BYTES {
            return None;
        }
        if !whole.is_empty() {
            whole.push_str(", ");
        }
        whole.push_str(line);
    }
    (!whole.is_empty()).then_some(whole)
}

/// A string with its parameters.
#[derive(Debug, PartialEq, Eq)]
struct Item {
    name: String,
    parameters: Vec<(String, Value)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Value {
    Number(i64),
    Text(String),
    /// Nothing that is asked for.
    Other,
}

impl Item {
    /// The last of that name counts (RFC 9651, section 4.2.3.2).
    fn parameter(&self, key: &str) -> Option<&Value> {
        let mut found = self.parameters.iter().rev().filter(|(name, _)| name == key);
        found.next().map(|(_, value)| value)
    }

    fn number(&self, key: &str) -> Option<u64> {
        match self.parameter(key)? {
            Value::Number(number) => u64::try_from(*number).ok(),
            Value::Text(_) | Value::Other => None,
        }
    }

    /// Whether what is left are requests (`qu`), and not bytes or requests side
    /// by side. The draft's text spells it so, its registry in the singular.
    fn counts_requests(&self) -> bool {
        match self.parameter("qu") {
            None => true,
            Some(Value::Text(unit)) => unit == "requests" || unit == "request",
            Some(Value::Number(_) | Value::Other) => false,
        }
    }
}

/// A list of items whose bare values are strings (RFC 9651, section 4.2.1).
fn list(text: &str) -> Option<Vec<Item>> {
    let mut rest = Rest(text.trim_matches(' ').as_bytes());
    let mut items = Vec::new();
    loop {
        items.push(rest.item()?);
        rest.skip(b" \t");
        if rest.0.is_empty() {
            return Some(items);
        }
        rest.take(b',')?;
        rest.skip(b" \t");
    }
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn skip(&mut self, bytes: &[u8]) {
        while self.0.first().is_some_and(|byte| bytes.contains(byte)) {
            self.0 = &self.0[1..];
        }
    }

    /// As many bytes as `belongs` to the word.
    fn word(&mut self, belongs: impl Fn(u8) -> bool) -> String {
        let length = self.0.iter().take_while(|byte| belongs(**byte)).count();
        let (word, rest) = self.0.split_at(length);
        self.0 = rest;
        word.iter().copied().map(char::from).collect()
    }

    fn item(&mut self) -> Option<Item> {
        let name = self.string()?;
        let mut parameters = Vec::new();
        while self.0.first() == Some(&b';') {
            self.next();
            self.skip(b" ");
            let key = self.key()?;
            let value = if self.0.first() == Some(&b'=') {
                self.next();
                self.value()?
            } else {
                Value::Other
            };
            parameters.push((key, value));
        }
        Some(Item { name, parameters })
    }

    fn key(&mut self) -> Option<String> {
        let first = *self.0.first()?;
        if !(first.is_ascii_lowercase() || first == b'*') {
            return None;
        }
        let belongs = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
        };
        Some(self.word(belongs))
    }

    fn string(&mut self) -> Option<String> {
        self.take(b'"')?;
        let mut text = String::new();
        loop {
            match self.next()? {
                b'"' => return Some(text),
                b'\\' => match self.next()? {
                    escaped @ (b'"' | b'\\') => text.push(char::from(escaped)),
                    _ => return None,
                },
                plain @ 0x20..=0x7e => text.push(char::from(plain)),
                _ => return None,
            }
        }
    }

    fn value(&mut self) -> Option<Value> {
        match *self.0.first()? {
            b'"' => self.string().map(Value::Text),
            b'-' | b'0'..=b'9' => self.number(),
            b':' => {
                self.next();
                self.word(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
                self.take(b':')?;
                Some(Value::Other)
            }
            b'?' => {
                self.next();
                matches!(self.next()?, b'0' | b'1').then_some(Value::Other)
            }
            first if first.is_ascii_alphabetic() || first == b'*' => {
                let belongs =
                    |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
                self.word(belongs);
                Some(Value::Other)
            }
            _ => None,
        }
    }

    /// At most 15 digits, or 12 and 3 behind a point (RFC 9651, section 4.2.4).
    fn number(&mut self) -> Option<Value> {
        let negative = self.0.first() == Some(&b'-');
        if negative {
            self.next();
        }
        let digits = self.word(|byte| byte.is_ascii_digit());
        if digits.is_empty() || digits.len() > 15 {
            return None;
        }
        if self.0.first() == Some(&b'.') {
            self.next();
            let fraction = self.word(|byte| byte.is_ascii_digit());
            let fits = digits.len() <= 12 && (1..=3).contains(&fraction.len());
            return fits.then_some(Value::Other);
        }
        let number: i64 = digits.parse().ok()?;
        Some(Value::Number(if negative { -number } else { number }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quota;
    use crate::headers::policy_item;
    use proptest::prelude::*;

    fn told(limit: &str, policy: &str) -> Vec<Told> {
        let mut headers = HeaderMap::new();
        headers.insert(RATE_LIMIT, limit.parse().unwrap());
        headers.insert(RATE_LIMIT_POLICY, policy.parse().unwrap());
        read(&headers)
    }

    #[test]
    fn policies_are_read_with_their_rate() {
        let read = told(
            r#""burst";r=50;t=9;pk=:cHJvYmU=:, "day";t=60;r=0"#,
            r#""burst";q=100;w=60;qu="requests", "day";q=0;w=9"#,
        );
        let burst = Told {
            left: 50,
            seconds: 9,
            interval: Some(600_000_000),
            window: Some(60),
            most: 100,
        };
        assert_eq!(read[0], burst);
        assert_eq!((read[1].left, read[1].interval), (0, None));
    }

    #[test]
    fn what_is_malformed_is_nothing_and_what_is_absurd_is_clamped() {
        for wrong in [
            "burst;r=1;t=1",
            "\"a\";r=1",
            "\"a\";r=1.5;t=1",
            "\"a\";r=-1;t=1",
            "\"a\" r=1;t=1",
            "\"a;r=1;t=1",
            "\"a\";r=1;t=1,",
            "\"a\";R=1;t=1",
            "\"a\";r=1234567890123456;t=1",
            ",",
            "\"a\";r=1;t=1;pk=:x",
            "\"a\"\\;r=1;t=1",
            "r=1",
            "\"a\";r=?1;t=1",
        ] {
            assert_eq!(told(wrong, ""), [], "{wrong}");
        }
        let absurd = told(
            r#""a";r=999999999999999;t=999999999999999"#,
            r#""a";q=1;w=999999999999999"#,
        );
        assert_eq!(
            (absurd[0].left, absurd[0].seconds),
            (MAX_CELLS, MAX_SECONDS)
        );
        assert!(absurd[0].interval.unwrap() <= 24 * MAX_SECONDS * 1_000_000_000);
    }

    #[test]
    fn bytes_and_requests_side_by_side_are_not_paced_by() {
        for (unit, is_read) in [
            ("", true),
            (r#";qu="requests""#, true),
            (r#";qu="request""#, true),
            (r#";qu="content-bytes""#, false),
            (r#";qu="concurrent-requests""#, false),
            (";qu=requests", false),
        ] {
            let policy = format!(r#""a";q=9{unit};w=1;plimsoll-burst=20"#);
            let read = told(r#""a";r=0;t=1"#, &policy);
            assert_eq!(!read.is_empty(), is_read, "{unit}");
            assert!(read.iter().all(|told| told.most == 20));
        }
    }

    #[test]
    fn an_answer_from_a_cache_says_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert(RATE_LIMIT, r#""a";r=1;t=1"#.parse().unwrap());
        headers.insert(header::AGE, "0".parse().unwrap());
        assert_eq!(read(&headers).len(), 1);
        headers.insert(header::AGE, "1".parse().unwrap());
        assert_eq!(read(&headers), []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(limit in "[ -~]{0,80}", policy in "[ -~]{0,80}") {
            for told in told(&limit, &policy) {
                prop_assert!(told.left <= MAX_CELLS && told.seconds <= MAX_SECONDS);
            }
        }

        #[test]
        fn what_is_nearly_right_is_read_or_refused(limit in r#"("[a\\"]{0,3}"|[;,= rt:?.0-9-]){0,24}"#) {
            let _ = told(&limit, &limit);
        }

        #[test]
        fn our_own_policies_are_read_back(count in 1_u32..10_000, seconds in 1_u64..100_000, burst in 1_u32..500) {
            let quota = Quota::per(count, std::time::Duration::from_secs(seconds)).burst(burst);
            let mut field = String::new();
            policy_item(&mut field, "per-client", &quota, crate::Unit::Requests, None);
            let read = told(r#""per-client";r=1;t=1"#, &field);
            let expected = seconds.min(MAX_SECONDS * 24) * 1_000_000_000 / u64::from(count);
            prop_assert_eq!(read[0].interval, Some(expected));
        }
    }
}
