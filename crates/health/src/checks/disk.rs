use std::path::PathBuf;

use super::seldom::blocking;
use crate::Check;

/// Passes while the file system of `path` has at least so many bytes left for
/// users who are not root.
pub fn disk(name: impl Into<String>, path: impl Into<PathBuf>, at_least: u64) -> Check {
    let path = path.into();
    blocking(name, move || {
        let shown = path.display();
        let stat = rustix::fs::statvfs(&path).map_err(|error| format!("{shown}: {error}"))?;
        let left = stat.f_bavail.saturating_mul(stat.f_frsize);
        if left < at_least {
            return Err(format!(
                "{left} bytes are left at {shown}, less than {at_least}"
            ));
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::ask;
    use super::*;

    #[tokio::test]
    async fn too_little_space_and_no_such_folder_fail() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(ask(&disk("disk", folder.path(), 0)).await, Ok(()));
        let why = ask(&disk("disk", folder.path(), u64::MAX)).await;
        assert!(why.unwrap_err().contains("bytes are left at"));
        let gone = folder.path().join("gone");
        let why = ask(&disk("disk", gone, 0)).await.unwrap_err();
        assert!(why.contains("No such file"), "{why}");
    }
}
