use reqwest::{Client, Url};

use crate::Check;

/// Passes while `GET` of `url` is answered with 2xx, or with 3xx where `client`
/// does not follow. The answer's body is not read. Ask for something that is cheap
/// and says what the service needs, such as the other side's `/readyz`.
pub fn http(name: impl Into<String>, client: Client, url: Url) -> Check {
    Check::new(name, move || {
        let asked = client.get(url.clone()).send();
        let url = url.clone();
        async move {
            // An address may have a password in it, and a key in its query.
            let answer = asked.await.map_err(|error| {
                let error = error.without_url();
                match std::error::Error::source(&error) {
                    Some(cause) => format!("{error}: {cause}"),
                    None => error.to_string(),
                }
            })?;
            let status = answer.status();
            if status.is_success() || status.is_redirection() {
                return Ok(());
            }
            let host = url.host_str().unwrap_or("it");
            Err(format!("{host} answered {status}"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::ask;
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn the_status_decides_and_no_reason_has_the_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = Url::parse(&format!("http://user:hunter2@{address}/readyz?key=hunter2"));
        let check = http("bank", Client::new(), url.unwrap());
        for (status, passes) in [
            (200, true),
            (204, true),
            (304, true),
            (404, false),
            (503, false),
        ] {
            let serve = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut heard = [0; 1_024];
                assert!(stream.read(&mut heard).await.unwrap() > 0);
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            };
            let (said, ()) = tokio::join!(ask(&check), serve);
            assert_eq!(said.is_ok(), passes, "{said:?}");
            if let Err(why) = said {
                assert!(
                    why.contains(&status.to_string()) && !why.contains("hunter2"),
                    "{why}"
                );
            }
        }
        drop(listener);
        let why = ask(&check).await.unwrap_err();
        assert!(!why.contains("hunter2") && !why.is_empty(), "{why}");
    }
}
