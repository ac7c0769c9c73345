use tokio::net::TcpStream;

use crate::Check;

/// Passes while a TCP connection to `address` (`host:port`) can be made. It is
/// closed at once.
pub fn tcp(name: impl Into<String>, address: impl Into<String>) -> Check {
    let address = address.into();
    Check::new(name, move || {
        let address = address.clone();
        async move { connect(&address).await.map(drop) }
    })
}

pub(super) async fn connect(address: &str) -> Result<TcpStream, String> {
    let connected = TcpStream::connect(address).await;
    connected.map_err(|error| format!("{address}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::ask;
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn it_passes_while_somebody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let check = tcp("bank", address.as_str());
        assert_eq!(ask(&check).await, Ok(()));
        drop(listener);
        let why = ask(&check).await.unwrap_err();
        assert!(
            why.starts_with(&address) && why.contains("refused"),
            "{why}"
        );
    }
}
