//! A receiver over HTTP that behaves, and misbehaves, as a test tells it.
//!
//! It runs on a thread and a runtime of its own, so that a test may block its
//! own, and holds its port while it is [`Behaviour::Dead`], so that nobody else
//! can answer there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::wait::PATIENCE;

/// What a receiver does with what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes it.
    Healthy,
    /// Answers 500.
    Failing,
    /// Answers this status, and `Retry-After` with these seconds.
    Answering(u16, Option<u32>),
    /// Reads and never answers.
    Hanging,
    /// Slow: holds the answer until it is told another behaviour, and then
    /// answers as that one.
    Holding,
    /// Answers 200 and says in the body that it kept nothing.
    Lying,
    /// Answers 200 and says in the body that it refused this many of it.
    Rejecting(usize),
    /// Nobody listens.
    Dead,
}

pub(crate) type AnswerBody = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// What becomes of something that arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verdict {
    /// Kept, but for this many of it.
    Kept { rejected: usize },
    /// Refused with this status and `Retry-After`.
    Refused(StatusCode, Option<u32>),
}

/// Decodes what arrives and keeps it.
pub(crate) trait Desk: Send + Sync + 'static {
    /// What one request brought.
    type Parcel: Send;

    /// Reads a request. Its answer is decided later.
    fn arrive(&self, head: &Parts, body: Bytes) -> Self::Parcel;

    /// Keeps the parcel or not, and answers.
    fn answer(&self, parcel: Self::Parcel, verdict: Verdict) -> Response<AnswerBody>;
}

/// A running receiver; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    behaviour: watch::Sender<Option<Behaviour>>,
    listening: watch::Receiver<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Starts one on a free port of the loopback.
    pub(crate) async fn start(desk: Arc<impl Desk>, behaviour: Behaviour) -> Self {
        let (told, listened) = tokio::sync::oneshot::channel();
        let (sender, behaviours) = watch::channel(Some(behaviour));
        let (listens, listening) = watch::channel(behaviour == Behaviour::Dead);
        let serve = async move {
            // Bound and not listening: whoever connects while dead is refused.
            let hold = socket("127.0.0.1:0".parse().unwrap());
            let address = hold.local_addr().unwrap();
            let _ = told.send(address);
            live(address, &desk, behaviours, &listens).await;
            drop(hold);
        };
        let thread = std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(serve);
        });
        let address = listened.await.unwrap();
        let mut receiver = Self {
            address,
            behaviour: sender,
            listening,
            thread: Some(thread),
        };
        // Until it is as it was told, whichever that is.
        let is = behaviour != Behaviour::Dead;
        receiver.listening.wait_for(|now| *now == is).await.unwrap();
        receiver
    }

    /// Behaves so from now on. Becoming dead, it ends what it answers already
    /// and leaves what it held or hung unanswered.
    pub(crate) async fn turn(&self, behaviour: Behaviour) {
        let mut listening = self.listening.clone();
        self.behaviour.send_replace(Some(behaviour));
        let is = behaviour != Behaviour::Dead;
        let turned = timeout(PATIENCE, listening.wait_for(|now| *now == is)).await;
        turned.unwrap().unwrap();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.behaviour.send_replace(None);
        if let Some(thread) = self.thread.take() {
            // A panic there is a fault of this file; one more in drop would hide it.
            let _ = thread.join();
        }
    }
}

fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

type Behaviours = watch::Receiver<Option<Behaviour>>;

fn is_dead(behaviour: Option<Behaviour>) -> bool {
    matches!(behaviour, None | Some(Behaviour::Dead))
}

/// Listens whenever it is not dead, until the end.
async fn live(
    address: SocketAddr,
    desk: &Arc<impl Desk>,
    mut behaviours: Behaviours,
    listens: &watch::Sender<bool>,
) {
    loop {
        let now = *behaviours.borrow_and_update();
        match now {
            None => return,
            Some(Behaviour::Dead) => {
                listens.send_replace(false);
                if behaviours.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Some(_) => {}
        }
        let listener = socket(address).listen(1_024).unwrap();
        listens.send_replace(true);
        let mut connections = JoinSet::new();
        let mut dying = behaviours.clone();
        let died = async move {
            let _ = dying.wait_for(|now| is_dead(*now)).await;
        };
        tokio::pin!(died);
        loop {
            tokio::select! {
                () = &mut died => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        connections.spawn(serve(stream, Arc::clone(desk), behaviours.clone()));
                    }
                }
            }
        }
        drop(listener);
        connections.join_all().await;
    }
}

async fn serve(stream: TcpStream, desk: Arc<impl Desk>, behaviours: Behaviours) {
    let mut dying = behaviours.clone();
    let answer = service_fn(move |request| take(request, Arc::clone(&desk), behaviours.clone()));
    let http = auto::Builder::new(TokioExecutor::new());
    let connection = http.serve_connection(TokioIo::new(stream), answer);
    tokio::pin!(connection);
    tokio::select! {
        // A connection that fails is the client's to notice.
        _ = connection.as_mut() => return,
        _ = dying.wait_for(|now| is_dead(*now)) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

async fn take<D: Desk>(
    request: Request<Incoming>,
    desk: Arc<D>,
    mut behaviours: Behaviours,
) -> Result<Response<AnswerBody>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?;
    let parcel = desk.arrive(&head, body.to_bytes());
    let slow = |now: &Option<Behaviour>| *now != Some(Behaviour::Holding);
    let now = behaviours.wait_for(slow).await.map_or(None, |now| *now);
    let refused =
        |status: u16, after| Verdict::Refused(StatusCode::from_u16(status).unwrap(), after);
    let verdict = match now {
        Some(Behaviour::Healthy | Behaviour::Holding) => Verdict::Kept { rejected: 0 },
        Some(Behaviour::Failing) => refused(500, None),
        Some(Behaviour::Answering(status, after)) => refused(status, after),
        Some(Behaviour::Lying) => Verdict::Kept {
            rejected: usize::MAX,
        },
        Some(Behaviour::Rejecting(rejected)) => Verdict::Kept { rejected },
        Some(Behaviour::Hanging) => {
            let _ = behaviours.wait_for(|now| is_dead(*now)).await;
            return Err(std::io::Error::other("hung until the end"));
        }
        Some(Behaviour::Dead) | None => return Err(std::io::Error::other("dead")),
    };
    Ok(desk.answer(parcel, verdict))
}

/// An answer with this body.
pub(crate) fn answer(
    status: StatusCode,
    after: Option<u32>,
    body: Vec<u8>,
) -> Response<AnswerBody> {
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed_unsync());
    *response.status_mut() = status;
    if let Some(seconds) = after {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
