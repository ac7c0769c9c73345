//! Log lines of an instance in this process.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::wait::until;

/// A log output whose lines can be read back; clones share it.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use plimsoll_telemetry::{Format, Telemetry};
/// use plimsoll_testkit::capture::Lines;
///
/// let lines = Lines::default();
/// let telemetry = Telemetry::builder("card-service")
///     .format(Format::Json)
///     .log_output(lines.clone())
///     .build()?;
/// telemetry.say("hello", &[]);
/// let line = lines.wait_for("hello", |line| line["message"] == "hello").await;
/// assert_eq!(line["service"], "card-service");
/// # Ok::<(), plimsoll_telemetry::TelemetryError>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn bytes_mut(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything written so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes_mut().clone()
    }

    /// The lines written so far.
    ///
    /// # Panics
    ///
    /// When a line is not JSON.
    pub fn all(&self) -> Vec<Value> {
        let bytes = self.bytes();
        let whole = bytes.iter().rposition(|&byte| byte == b'\n');
        let text = &bytes[..whole.map_or(0, |at| at + 1)];
        let lines = text.split(|&byte| byte == b'\n');
        lines
            .filter(|line| !line.is_empty())
            .map(|line| {
                serde_json::from_slice(line)
                    .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(line)))
            })
            .collect()
    }

    /// Everything written so far, as text.
    ///
    /// # Panics
    ///
    /// When it is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    /// The lines of requests, once there are `count` of them.
    ///
    /// # Panics
    ///
    /// When there are fewer in time.
    pub async fn requests(&self, count: usize) -> Vec<Value> {
        until("lines of requests", || {
            let mut lines = self.all();
            lines.retain(is_of_request);
            (lines.len() >= count).then_some(lines)
        })
        .await
    }

    /// The first line that is `wanted`.
    ///
    /// # Panics
    ///
    /// When there is none in time, naming `what`.
    pub async fn wait_for(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(what, || self.all().into_iter().find(|line| wanted(line))).await
    }

    /// The one line of the request to this path.
    ///
    /// # Panics
    ///
    /// When there is none in time.
    pub async fn request_to(&self, path: &str) -> Value {
        self.wait_for(path, |line| is_of_request(line) && line["path"] == path)
            .await
    }
}

fn is_of_request(line: &Value) -> bool {
    line["target"] == plimsoll_telemetry::ACCESS_TARGET
}
