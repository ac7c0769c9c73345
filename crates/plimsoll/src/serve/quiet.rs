//! Ends the arrival of connections before the listener closes.
//!
//! Closing a listener resets connections that the system has completed and the
//! server has not accepted yet: their clients have connected, and may have
//! written. So that there are none, new handshakes are no longer answered for a
//! moment; those under way complete and are accepted; then the listener closes.
//! Who is not answered asks again, a second later on Linux, and is refused.

use std::time::Duration;

use tokio::net::TcpListener;

/// How long handshakes that have begun may take to complete.
pub(super) const HANDSHAKE: Duration = Duration::from_millis(20);

/// Lets every packet to this listener pass but the first of a handshake. The
/// connections it made are not affected.
///
/// # Errors
///
/// When the system has no packet filters.
#[cfg(target_os = "linux")]
pub(super) fn answer_no_more(listener: &TcpListener) -> std::io::Result<()> {
    use socket2::{SockFilter, SockRef};

    // Classic BPF (linux/filter.h); a packet begins at its TCP header, whose
    // byte 13 holds the flags (RFC 9293, section 3.1): SYN is 0x02, ACK 0x10.
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const SKIP_UNLESS_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let only_others = [
        SockFilter::new(LOAD_BYTE, 0, 0, 13),
        SockFilter::new(AND, 0, 0, 0x12),
        SockFilter::new(SKIP_UNLESS_EQUAL, 0, 1, 0x02),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ];
    SockRef::from(listener).attach_filter(&only_others)
}

/// Elsewhere the moment between the last accept and the close stays, some
/// microseconds.
#[cfg(not(target_os = "linux"))]
pub(super) fn answer_no_more(_: &TcpListener) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    #[tokio::test]
    async fn who_was_connected_is_accepted_and_served_and_nobody_new_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut before = TcpStream::connect(address).await.unwrap();
        answer_no_more(&listener).unwrap();
        let after = timeout(HANDSHAKE, TcpStream::connect(address)).await;
        assert!(after.is_err(), "{after:?}");

        let (mut accepted, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut read = [0; 4];
        before.write_all(b"late").await.unwrap();
        accepted.read_exact(&mut read).await.unwrap();
        accepted.write_all(&read).await.unwrap();
        before.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"late");
    }
}
