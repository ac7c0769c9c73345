use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::der::{ends, pem};
use super::seldom::blocking;
use crate::Check;

/// Most bytes of a file of certificates.
const MAX_BYTES: u64 = 1 << 20;

/// Passes while every certificate of a file (PEM, one or a chain, or DER) is valid
/// for at least this long. The file is read at each run, so that a new one counts
/// at once. It looks at the end alone, not at names, signatures or the beginning.
///
/// ```
/// use std::time::Duration;
/// use plimsoll_health::checks::certificate;
///
/// let week = Duration::from_hours(7 * 24);
/// let tls = certificate("tls", "/etc/card-service/tls.pem", week);
/// let tls = tls.every(Duration::from_hours(1)).optional();
/// # let _ = tls;
/// ```
pub fn certificate(name: impl Into<String>, path: impl Into<PathBuf>, at_least: Duration) -> Check {
    let path = path.into();
    blocking(name, move || {
        let told = |why: String| format!("{}: {why}", path.display());
        let long = std::fs::metadata(&path).is_ok_and(|file| file.len() > MAX_BYTES);
        if long {
            return Err(told("too large for certificates".into()));
        }
        let bytes = std::fs::read(&path).map_err(|error| told(error.to_string()))?;
        judge(&bytes, SystemTime::now(), at_least).map_err(told)
    })
}

fn judge(file: &[u8], now: SystemTime, at_least: Duration) -> Result<(), String> {
    let certificates = match pem(file) {
        Some(certificates) => certificates?,
        None => vec![file.to_vec()],
    };
    let ends = certificates.iter().map(|one| ends(one));
    let ends: Option<Vec<jiff::Timestamp>> = ends.collect();
    let ends = ends.ok_or("not a certificate (X.509)")?;
    let first = ends.into_iter().min().ok_or("no certificate in it")?;
    let now = jiff::Timestamp::try_from(now).map_err(|error| error.to_string())?;
    let left = first.as_second().saturating_sub(now.as_second());
    if left < 0 {
        return Err(format!("expired at {first}"));
    }
    if left.unsigned_abs() < at_least.as_secs() {
        let hours = left / 3_600;
        return Err(format!("expires at {first}, in {hours} hours"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::ask;
    use super::*;

    /// Valid to 2049-12-31 (a UTCTime) and to 2051-06-15 (a GeneralizedTime).
    const NEAR: &str = include_str!("testdata/near.pem");
    const FAR: &str = include_str!("testdata/far.pem");

    fn at(text: &str) -> SystemTime {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    #[test]
    fn the_first_end_of_a_chain_decides() {
        let day = Duration::from_hours(24);
        let chain = format!("{FAR}between\n{NEAR}");
        let judge = |now| judge(chain.as_bytes(), at(now), day);
        assert_eq!(judge("2049-12-29T00:00:00Z"), Ok(()));
        let soon = judge("2049-12-30T12:00:00Z").unwrap_err();
        assert_eq!(soon, "expires at 2049-12-31T00:00:00Z, in 12 hours");
        let over = judge("2049-12-31T00:00:01Z").unwrap_err();
        assert_eq!(over, "expired at 2049-12-31T00:00:00Z");
    }

    #[test]
    fn a_year_after_2049_is_written_with_four_digits() {
        let judge = |now| judge(FAR.as_bytes(), at(now), Duration::ZERO);
        assert_eq!(judge("2051-06-14T23:59:59Z"), Ok(()));
        assert!(judge("2051-06-15T00:00:01Z").is_err());
    }

    #[tokio::test]
    async fn what_is_no_certificate_fails_with_the_file_in_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tls.pem");
        let check = certificate("tls", &path, Duration::ZERO);
        assert!(ask(&check).await.unwrap_err().contains("No such file"));
        for text in [
            "",
            "text",
            "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n",
        ] {
            std::fs::write(&path, text).unwrap();
            let why = ask(&check).await.unwrap_err();
            assert!(why.contains("tls.pem: "), "{why}");
        }
        std::fs::write(&path, FAR).unwrap();
        assert_eq!(ask(&check).await, Ok(()));
    }
}
