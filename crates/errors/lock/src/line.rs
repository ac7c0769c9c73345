//! One line of the lock.

use std::fmt;

use crate::Published;

/// The form that a message about a bad line shows.
const FORM: &str = "CODE REASON status=404 grpc=NOT_FOUND blame=client retry=never slo=excluded";

pub(crate) enum Line {
    Published(Published),
    Retired { code: String, why: String },
}

impl Line {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
        if !is_code(code) {
            return Err(format!(
                "{code:?} is no code: a line is `{FORM}` or `CODE retired: why`"
            ));
        }
        match rest.strip_prefix("retired:") {
            Some(why) if why.trim().is_empty() => Err(format!(
                "say why {code} is retired, and what stands in its place: `{code} retired: why`"
            )),
            Some(why) => Ok(Self::Retired {
                code: code.into(),
                why: why.trim().into(),
            }),
            None => published(code, rest).map(Self::Published),
        }
    }
}

fn published(code: &str, rest: &str) -> Result<Published, String> {
    let mut words = rest.split(' ');
    let reason = words.next().filter(|reason| is_word(reason));
    let reason = reason.ok_or_else(|| format!("no reason after {code}: a line is `{FORM}`"))?;
    let mut value = |key: &str| {
        let value = words.next().and_then(|word| word.strip_prefix(key));
        let value = value.and_then(|value| value.strip_prefix('='));
        value
            .filter(|value| is_word(value))
            .map(str::to_owned)
            .ok_or_else(|| format!("no `{key}=` where it belongs: a line is `{FORM}`"))
    };
    let status = value("status")?;
    let published = Published {
        code: code.into(),
        reason: reason.into(),
        status: status
            .parse()
            .map_err(|_| format!("status={status} is no HTTP status"))?,
        grpc: value("grpc")?,
        blame: value("blame")?,
        retry: value("retry")?,
        slo: value("slo")?,
    };
    match words.next() {
        None => Ok(published),
        Some(word) => Err(format!("{word:?} is too much: a line is `{FORM}`")),
    }
}

/// Whether this can be the prefix of a catalog: two to eight upper-case letters.
/// That is short enough to say, and a support reference can be taken apart again.
pub fn prefix_fits(prefix: &str) -> bool {
    (2..=8).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// `CARD-1001`: a prefix, a dash, four digits.
fn is_code(text: &str) -> bool {
    text.split_once('-').is_some_and(|(prefix, number)| {
        prefix_fits(prefix) && number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_word(text: &str) -> bool {
    let of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty() && text.bytes().all(of_word)
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            reason,
            status,
            grpc,
            blame,
            retry,
            slo,
        } = self;
        write!(
            f,
            "{code} {reason} status={status} grpc={grpc} blame={blame} retry={retry} slo={slo}"
        )
    }
}
