//! Our own accept loop: what a connection fails with before any request
//! reaches the layer is counted, and a closing server loses none.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use plimsoll_core::peer::PeerAddr;
use plimsoll_health::Drain;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower_service::Service as _;

use super::socket::Socket;
use super::wire::Wire;
use super::{LINGER, Stage, quiet};
use crate::collect::{Connections, Reason};

/// Longest time for a request's head to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// Most connections taken when the listener closes; the system's own queue is
/// shorter (listen(2): 4,096 by default).
const MAX_BACKLOG: usize = 65_536;

/// Most connections at once, upgraded ones too; one more is closed at once and
/// counted.
const MAX_CONNECTIONS: u64 = 20_000;

/// How often a client on HTTP/2 is asked whether it is still there, and how
/// long its answer may take: else one that is gone holds up a drain.
const PING: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));

/// How long to rest when the system has no file descriptor for a connection.
const ACCEPT_REST: Duration = Duration::from_millis(50);

pub(crate) struct Server {
    listener: Option<TcpListener>,
    serving: Serving,
    tasks: JoinSet<()>,
}

/// What every connection needs.
#[derive(Clone)]
struct Serving {
    app: Router,
    counts: Arc<Connections>,
    stages: watch::Receiver<Stage>,
    drain: Drain,
    /// Connections that owed an answer when they were ended.
    owed: Arc<AtomicU64>,
}

impl Server {
    pub(crate) fn new(
        listener: TcpListener,
        app: Router,
        counts: Arc<Connections>,
        stages: watch::Receiver<Stage>,
        drain: Drain,
    ) -> Self {
        Self {
            listener: Some(listener),
            serving: Serving {
                // Else axum puts the layers around a handler anew for each request.
                app: app.with_state(()),
                counts,
                stages,
                drain,
                owed: Arc::default(),
            },
            tasks: JoinSet::new(),
        }
    }

    /// Accepts connections until it is dropped.
    pub(crate) async fn accept(&mut self) -> Infallible {
        loop {
            let Some(listener) = &self.listener else {
                return std::future::pending().await;
            };
            match listener.accept().await {
                Ok((stream, peer)) => self.spawn(stream, peer),
                Err(error) if is_of_one_connection(&error) => {
                    self.serving.counts.count(Reason::Accept);
                }
                Err(error) => {
                    self.serving.counts.count(Reason::Accept);
                    tracing::error!(%error, "no connection can be accepted");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
            while self.tasks.try_join_next().is_some() {}
        }
    }

    /// Stops the arrival of connections; says whether it could.
    pub(super) fn answer_no_more(&self) -> bool {
        let listener = self.listener.as_ref();
        listener.is_some_and(|listener| quiet::answer_no_more(listener).is_ok())
    }

    /// Takes the connections that the system has completed already, then closes
    /// the listener. Asks the system itself: the runtime may not have been told
    /// yet of connections that are there.
    pub(super) fn close(&mut self) {
        let Some(listener) = self.listener.take() else {
            return;
        };
        let Ok(listener) = listener.into_std() else {
            return;
        };
        for _ in 0..MAX_BACKLOG {
            match listener.accept() {
                Ok((stream, peer)) => {
                    let ready = stream.set_nonblocking(true);
                    if let Ok(stream) = ready.and_then(|()| TcpStream::from_std(stream)) {
                        self.spawn(stream, peer);
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => return,
            }
        }
    }

    /// Until every connection has ended.
    pub(super) async fn idle(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// Connections that owed an answer at [`Stage::Over`], and those that have
    /// not ended since.
    pub(super) fn owed(&mut self) -> u64 {
        while self.tasks.try_join_next().is_some() {}
        self.serving.owed.load(Ordering::Relaxed) + self.tasks.len() as u64
    }

    fn spawn(&mut self, stream: TcpStream, peer: SocketAddr) {
        let upgraded = self.serving.drain.upgraded();
        if self.tasks.len() as u64 + upgraded >= MAX_CONNECTIONS {
            self.serving.counts.count(Reason::Limit);
            return;
        }
        let serving = self.serving.clone();
        self.tasks.spawn(serving.connection(stream, peer));
    }
}

impl Serving {
    async fn connection(self, stream: TcpStream, peer: SocketAddr) {
        // Without it small answers wait for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let wire = Arc::<Wire>::default();
        let (socket, seat) = Socket::new(stream, Arc::clone(&wire));
        let drain = self.drain.clone();
        self.http(socket, peer, &wire).await;
        seat.take_if_upgraded(&drain);
    }

    /// Until the connection ends, or speaks HTTP no more.
    async fn http(mut self, socket: Socket, peer: SocketAddr, wire: &Arc<Wire>) {
        let asks = Arc::clone(wire);
        let app = self.app;
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            let asked = asks.enter(request.version() == Version::HTTP_2);
            let extensions = request.extensions_mut();
            extensions.insert(PeerAddr(peer));
            extensions.insert(ConnectInfo(peer));
            // A clone is as ready as its origin: axum's router always is.
            let answer = app.clone().call(request.map(Body::new));
            async move {
                let answer = answer.await?;
                Ok::<_, Infallible>(answer.map(|body| asked.until_sent(body)))
            }
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1);
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(socket), service);
        let mut connection = pin!(connection);
        let mut told = false;
        // The server's own timer starts only once it knows the protocol; and once
        // more, from the close of the listener.
        let mut silent = pin!(tokio::time::sleep(HEAD_TIMEOUT));
        let mut waiting = true;
        let mut closing = false;
        let ended = loop {
            let stage = *self.stages.borrow_and_update();
            let leave = match stage {
                Stage::Serving => false,
                // GOAWAY keeps every request that was sent; closing HTTP/1 would not.
                Stage::Leaving => wire.is_http2(),
                Stage::Closing | Stage::Over => true,
            };
            if stage >= Stage::Closing && !closing {
                silent.as_mut().reset(Instant::now() + LINGER);
                (closing, waiting) = (true, true);
            }
            if leave && !told {
                connection.as_mut().graceful_shutdown();
                told = true;
            }
            tokio::select! {
                // What has arrived is seen before it is said that nothing has.
                biased;
                ended = connection.as_mut() => break ended,
                () = std::future::ready(()), if stage == Stage::Over => {
                    self.owed.fetch_add(u64::from(wire.owes()), Ordering::Relaxed);
                    return;
                }
                () = silent.as_mut(), if waiting => {
                    waiting = false;
                    if closing && !wire.owes() {
                        return;
                    }
                    if !closing && !wire.was_asked() {
                        self.counts.count(Reason::Timeout);
                        return;
                    }
                }
                changed = self.stages.changed() => if changed.is_err() {
                    // The server is gone: nobody tells stages any more.
                    break connection.as_mut().await;
                },
            }
        };
        if let Err(error) = ended {
            let reason = reason(error.as_ref());
            // After a request the record tells what happened to it, and an idle
            // connection may end as it likes, above all when it was told to.
            let refused = matches!(reason, Reason::Parse | Reason::TooLarge);
            if refused || !(told || wire.was_asked()) {
                self.counts.count(reason);
            }
        }
    }
}

fn reason(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Reason {
    match error.downcast_ref::<hyper::Error>() {
        Some(error) if error.is_parse_too_large() => Reason::TooLarge,
        Some(error) if error.is_parse() => Reason::Parse,
        Some(error) if error.is_timeout() => Reason::Timeout,
        Some(error) if error.is_incomplete_message() => Reason::Incomplete,
        _ => Reason::Other,
    }
}

/// Errors of `accept` that say something of one connection only (accept(2)).
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}
