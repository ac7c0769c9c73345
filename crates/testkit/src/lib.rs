//! What tests of Plimsoll and its users share: scripted bodies, captured signals, real servers.
