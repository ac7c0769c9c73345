//! Clients: a proper one, and one for what no proper client sends.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::wait::PATIENCE;

/// A connection that stays open.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    ///
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        // It ends with the sender, or with the server.
        tokio::spawn(connection);
        let host = HeaderValue::try_from(address.to_string()).unwrap();
        Self { sender, host }
    }

    /// Sends a request, with `Host` unless it has one, and reads the whole answer.
    ///
    /// # Errors
    ///
    /// When there is no whole answer.
    ///
    /// # Panics
    ///
    /// When the answer takes longer than [`PATIENCE`].
    pub async fn try_ask(
        &mut self,
        mut request: Request<impl Into<Bytes>>,
    ) -> Result<Response<Bytes>, hyper::Error> {
        let headers = request.headers_mut();
        headers
            .entry(header::HOST)
            .or_insert_with(|| self.host.clone());
        let whole = async {
            self.sender.ready().await?;
            let request = request.map(|body| Full::new(body.into()));
            let (head, body) = self.sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        };
        timeout(PATIENCE, whole).await.unwrap()
    }

    /// As [`Connection::try_ask`].
    ///
    /// # Panics
    ///
    /// When there is no whole answer.
    pub async fn ask(&mut self, request: Request<impl Into<Bytes>>) -> Response<Bytes> {
        self.try_ask(request).await.unwrap()
    }
}

/// One request on a connection of its own.
///
/// # Panics
///
/// When there is no whole answer.
pub async fn ask(address: SocketAddr, request: Request<impl Into<Bytes>>) -> Response<Bytes> {
    Connection::open(address).await.ask(request).await
}

/// GET of a path, on a connection of its own.
///
/// # Panics
///
/// When there is no whole answer.
pub async fn get(address: SocketAddr, path: &str) -> Response<Bytes> {
    ask(address, Request::get(path).body("").unwrap()).await
}

/// Sends these bytes as they are and reads until the server closes.
///
/// # Panics
///
/// When the server does not close in time.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    let exchange = async {
        // A server may answer and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let _ = stream.read_to_end(&mut answer).await;
    };
    timeout(PATIENCE, exchange).await.unwrap();
    answer
}
