//! A disk whose faults are ours: a small library between the service and the
//! system's calls, because a full disk of one's own takes rights that tests lack.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// What becomes of bytes that the service writes to its files.
pub(super) struct Disk(TempDir);

impl Disk {
    /// Builds the library, with the C compiler that SQLite is built with.
    pub(super) fn new() -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(disk.library())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/faults/disk.c"))
            .arg("-ldl")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{said}");
        disk
    }

    /// What puts it before the disk of a service.
    pub(super) fn settings(&self) -> [(&'static str, String); 2] {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        [
            ("LD_PRELOAD", text(self.library())),
            ("DISK_FAULT", text(self.switch())),
        ]
    }

    /// From now on: `full`, `readonly`, `stalled`, or nothing.
    pub(super) fn turn(&self, fault: &str) {
        // A half written word would be read as no fault.
        let new = self.0.path().join("new");
        std::fs::write(&new, fault).unwrap();
        std::fs::rename(new, self.switch()).unwrap();
    }

    /// Whether somebody has waited since it stalled.
    pub(super) fn is_waited_for(&self) -> bool {
        self.switch().with_extension("waits").exists()
    }

    fn library(&self) -> PathBuf {
        self.0.path().join("disk.so")
    }

    fn switch(&self) -> PathBuf {
        self.0.path().join("switch")
    }
}
