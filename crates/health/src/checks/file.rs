use std::fs::metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::seldom::blocking;
use crate::Check;

/// Passes while `path` is the same file as at the first look. A process goes on
/// with a file that it opened and somebody removed or replaced, and what it writes
/// is gone when it ends: for a database in a file, nothing else shows that.
pub fn file(name: impl Into<String>, path: impl Into<PathBuf>) -> Check {
    let same = Same::new(path.into());
    blocking(name, move || same.look())
}

/// A file, and which one it was.
pub(super) struct Same {
    path: PathBuf,
    /// Device and inode.
    was: OnceLock<(u64, u64)>,
}

impl Same {
    pub(super) fn new(path: PathBuf) -> Self {
        let was = OnceLock::new();
        Self { path, was }
    }

    pub(super) fn look(&self) -> Result<(), String> {
        let told = |what: &str| Err(format!("{} {what}", Path::display(&self.path)));
        let is = match metadata(&self.path) {
            Ok(is) => (is.dev(), is.ino()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return told("is gone"),
            Err(error) => return told(&format!("cannot be looked at: {error}")),
        };
        if *self.was.get_or_init(|| is) == is {
            return Ok(());
        }
        told("is another file than at the first look")
    }
}

#[cfg(test)]
mod tests {
    use super::super::ask;
    use super::*;

    #[tokio::test]
    async fn only_the_same_file_passes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cards.db");
        let aside = folder.path().join("aside");
        let check = file("file", &path);
        assert!(ask(&check).await.unwrap_err().ends_with("is gone"));
        std::fs::write(&path, "one").unwrap();
        assert_eq!(ask(&check).await, Ok(()));
        std::fs::write(&path, "more").unwrap();
        assert_eq!(ask(&check).await, Ok(()));
        std::fs::rename(&path, &aside).unwrap();
        assert!(ask(&check).await.unwrap_err().ends_with("is gone"));
        std::fs::write(&path, "another").unwrap();
        assert!(ask(&check).await.unwrap_err().contains("another file"));
        std::fs::rename(&aside, &path).unwrap();
        assert_eq!(ask(&check).await, Ok(()));
    }
}
