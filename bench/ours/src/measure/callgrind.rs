//! Instructions per request, by callgrind.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Bench, Case, How};
use crate::Fault;

/// Instructions, of one run or per request.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Instructions {
    /// On the request's thread.
    pub own: f64,
    /// On all threads.
    pub all: f64,
}

impl std::ops::Sub for Instructions {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            own: self.own - other.own,
            all: self.all - other.all,
        }
    }
}

impl Bench {
    /// Instructions per request: runs `requests` and twice as many, and divides
    /// the difference, so that what happens once a run cancels out.
    ///
    /// # Errors
    ///
    /// When Valgrind is not there, or a child fails or loses anything.
    pub fn instructions(&self, case: &Case, requests: u64) -> Result<Instructions, Fault> {
        let once = self.callgrind(case, requests)?;
        let twice = self.callgrind(case, 2 * requests)?;
        let more = twice - once;
        Ok(Instructions {
            own: more.own / requests as f64,
            all: more.all / requests as f64,
        })
    }

    fn callgrind(&self, case: &Case, requests: u64) -> Result<Instructions, Fault> {
        let folder = tempfile::tempdir()?;
        let out = format!("--callgrind-out-file={}/out", folder.path().display());
        let under = [
            "valgrind",
            "--tool=callgrind",
            "--instr-atstart=no",
            "--separate-threads=yes",
            // Threads take turns, so that who waits for whom is much the same in every run.
            "--fair-sched=yes",
            "--quiet",
            &out,
        ];
        let how = How {
            under: &under,
            ..How::default()
        };
        self.run(case, requests, how)?;
        read(folder.path())
    }
}

/// Adds up the files of a run, one a thread; the request's is thread 1.
fn read(folder: &Path) -> Result<Instructions, Fault> {
    let mut sum = Instructions::default();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        let number = |key| text.lines().find_map(|line: &str| line.strip_prefix(key));
        // The file of the process itself names no thread and has no counts.
        let Some(thread) = number("thread: ") else {
            continue;
        };
        let totals = number("totals: ").or_else(|| number("summary: "));
        let totals = totals.ok_or_else(|| format!("{}: no totals", path.display()))?;
        let count: f64 = totals.trim().parse()?;
        sum.all += count;
        if thread.trim() == "1" {
            sum.own += count;
        }
    }
    if sum.own == 0.0 {
        return Err("callgrind counted nothing on the request's thread".into());
    }
    Ok(sum)
}
