//! Counting the messages of a gRPC body without reading them.

use bytes::Buf;
use std::io::IoSlice;

/// Bytes before each message: one of flags and four of its length, big-endian
/// (gRPC over HTTP/2, length-prefixed message).
const PREFIX: usize = 5;

/// How many pieces of a frame are looked at.
const PIECES: usize = 16;

/// Follows a body and counts the messages that were handed on whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Messages {
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that are there.
    read: usize,
    /// Bytes of the message that are still to come.
    left: usize,
    count: u64,
    lost: bool,
}

impl Messages {
    /// Messages that ended so far; `None` when a frame came in too many pieces
    /// to be followed.
    pub fn count(&self) -> Option<u64> {
        (!self.lost).then_some(self.count)
    }

    /// Looks at a frame and leaves it as it is.
    pub fn follow(&mut self, data: &impl Buf) {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let filled = data.chunks_vectored(&mut pieces);
        let seen: usize = pieces[..filled].iter().map(|piece| piece.len()).sum();
        self.lost |= seen < data.remaining();
        if !self.lost {
            for piece in &pieces[..filled] {
                self.piece(piece);
            }
        }
    }

    fn piece(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.read < PREFIX {
                let taken = bytes.len().min(PREFIX - self.read);
                self.prefix[self.read..self.read + taken].copy_from_slice(&bytes[..taken]);
                self.read += taken;
                bytes = &bytes[taken..];
                if self.read < PREFIX {
                    return;
                }
                let [_, length @ ..] = self.prefix;
                self.left = u32::from_be_bytes(length) as usize;
            }
            let taken = bytes.len().min(self.left);
            self.left -= taken;
            bytes = &bytes[taken..];
            if self.left == 0 {
                self.count += 1;
                self.read = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn however_a_body_is_cut_its_messages_are_counted(lengths in prop::collection::vec(0_usize..40, 0..12), cut in 1_usize..20) {
            let mut body = Vec::new();
            for length in &lengths {
                body.push(0);
                body.extend((*length as u32).to_be_bytes());
                body.resize(body.len() + length, 7);
            }
            let mut messages = Messages::default();
            for piece in body.chunks(cut) {
                messages.follow(&piece);
            }
            prop_assert_eq!(messages.count(), Some(lengths.len() as u64));
            messages.follow(&&[0_u8, 0, 0, 0, 9, 1][..]);
            prop_assert_eq!(messages.count(), Some(lengths.len() as u64), "not whole");
        }
    }

    #[test]
    fn a_frame_in_pieces_is_followed_and_one_in_too_many_is_not_guessed() {
        let mut messages = Messages::default();
        messages.follow(&(&[0_u8, 0, 0][..]).chain(&[0_u8, 1, 42][..]));
        assert_eq!(messages.count(), Some(1));
    }
}
