//! What does not end by itself.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use futures_util::{StreamExt, stream};
use http::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use plimsoll_health::Drain;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// `/ticks` and `/socket` end when the drain tells them to, `/socket/deaf` never.
pub(super) fn routes(drain: &Drain) -> Router {
    let (of_ticks, of_socket) = (drain.clone(), drain.clone());
    Router::new()
        .route("/ticks", get(async move || ticks(&of_ticks)))
        .route(
            "/socket",
            get(async move |request| converse(request, of_socket.closing())),
        )
        .route(
            "/socket/deaf",
            get(async |request| converse(request, std::future::pending())),
        )
}

fn ticks(drain: &Drain) -> Body {
    let first = stream::iter([Bytes::from_static(b"data: first\n\n")]);
    let open = first.chain(stream::pending()).take_until(drain.closing());
    let last = stream::iter([Bytes::from_static(b"event: bye\n\n")]);
    Body::from_stream(open.chain(last).map(Ok::<_, Infallible>))
}

/// Switches to WebSocket (RFC 6455, section 4.2.2) and listens until either side closes.
fn converse(
    mut request: Request<Body>,
    closing: impl Future<Output = ()> + Send + 'static,
) -> Response<Body> {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).unwrap();
    let accept = derive_accept_key(key.as_bytes());
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let stream = TokioIo::new(upgrading.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        let mut closing = std::pin::pin!(closing);
        loop {
            tokio::select! {
                Some(Ok(_)) = socket.next() => {}
                () = closing.as_mut() => break,
                else => break,
            }
        }
        let _ = socket.close(None).await;
    });
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept);
    response.body(Body::empty()).unwrap()
}
