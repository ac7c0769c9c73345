use std::fmt::Write as _;

use plimsoll_core::secret::Secret;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::tcp::connect;
use crate::Check;

/// Who asks Redis; nobody in particular unless told otherwise.
#[derive(Debug, Clone, Default)]
pub enum Login {
    /// A server that wants no password.
    #[default]
    None,
    /// The password of the user `default` (`requirepass`).
    Password(Secret<String>),
    /// A user of Redis 6 or later, and the password.
    User(String, Secret<String>),
}

/// Passes while the Redis at `address` (`host:port`, without TLS) answers `PING`:
/// one that loads its data, or has lost its master and serves no stale data, does
/// not. Each run is a connection of its own, so that no pool is needed and none
/// hides that connections can no longer be made.
///
/// ```
/// use plimsoll_health::checks::{Login, redis};
///
/// let cache = redis("cache", "127.0.0.1:6379", Login::None).optional();
/// let password = Login::Password(String::from("from the environment").into());
/// let queue = redis("queue", "queue.internal:6379", password);
/// # let _ = (cache, queue);
/// ```
pub fn redis(name: impl Into<String>, address: impl Into<String>, login: Login) -> Check {
    let address = address.into();
    Check::new(name, move || {
        let (address, login) = (address.clone(), login.clone());
        async move {
            let asked = ping(&address, login).await;
            asked.map_err(|why| format!("{address}: {why}"))
        }
    })
}

async fn ping(address: &str, login: Login) -> Result<(), String> {
    let mut stream = BufReader::new(connect(address).await?);
    let words = match login {
        Login::None => None,
        Login::Password(password) => Some(vec!["AUTH".into(), password.into_inner()]),
        Login::User(user, password) => Some(vec!["AUTH".into(), user, password.into_inner()]),
    };
    if let Some(words) = words {
        expect(&mut stream, &words, "+OK").await?;
    }
    expect(&mut stream, &["PING".into()], "+PONG").await
}

/// Longest line that is read.
const MAX_LINE: u64 = 1_024;

/// Sends a command and reads the line of its answer (RESP: an array of bulk
/// strings; `+` before a simple string, `-` before an error).
async fn expect(
    stream: &mut BufReader<tokio::net::TcpStream>,
    words: &[String],
    wanted: &str,
) -> Result<(), String> {
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        let _ = write!(command, "${}\r\n{word}\r\n", word.len());
    }
    let failed = |error: std::io::Error| error.to_string();
    stream.write_all(command.as_bytes()).await.map_err(failed)?;
    let mut line = Vec::new();
    let mut limited = tokio::io::AsyncReadExt::take(&mut *stream, MAX_LINE);
    limited.read_until(b'\n', &mut line).await.map_err(failed)?;
    let line = String::from_utf8_lossy(&line);
    match line.trim_end() {
        "" => Err("closed the connection".into()),
        answer if answer == wanted => Ok(()),
        answer => Err(format!("answered {answer:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ask;
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    /// Answers each connection with these lines, one a command.
    async fn server(lines: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                for line in lines {
                    let mut heard = [0; 256];
                    assert!(stream.read(&mut heard).await.unwrap() > 0);
                    stream.write_all(line.as_bytes()).await.unwrap();
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn only_a_pong_passes() {
        let address = server(&["+PONG\r\n"]).await;
        assert_eq!(ask(&redis("cache", address, Login::None)).await, Ok(()));
        for (lines, said) in [
            (&["-LOADING Redis is loading\r\n"][..], "LOADING"),
            (&["-NOAUTH Authentication required.\r\n"], "NOAUTH"),
            (&["HTTP/1.1 400 Bad Request\r\n"], "HTTP/1.1"),
            (&[], "closed the connection"),
        ] {
            let check = redis("cache", server(lines).await, Login::None);
            let why = ask(&check).await.unwrap_err();
            // A server that reads nothing may also reset the connection.
            assert!(why.contains(said) || lines.is_empty(), "{why}");
        }
    }

    #[tokio::test]
    async fn a_password_goes_first_and_stands_in_no_reason() {
        let secret = || String::from("hunter2").into();
        for login in [
            Login::Password(secret()),
            Login::User("app".into(), secret()),
        ] {
            let good = server(&["+OK\r\n", "+PONG\r\n"]).await;
            assert_eq!(ask(&redis("cache", good, login.clone())).await, Ok(()));
            let bad = server(&["-WRONGPASS invalid\r\n"]).await;
            let why = ask(&redis("cache", bad, login)).await.unwrap_err();
            assert!(
                why.contains("WRONGPASS") && !why.contains("hunter2"),
                "{why}"
            );
        }
    }
}
