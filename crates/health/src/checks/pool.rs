#[cfg(feature = "postgres")]
use sqlx::PgPool;
#[cfg(feature = "sqlite")]
use sqlx::SqlitePool;

use crate::Check;

/// Passes while a connection of the pool answers `SELECT 1`. It waits for one as
/// requests do: a pool that has none to give fails it, at the check's timeout.
#[cfg(feature = "postgres")]
pub fn postgres(name: impl Into<String>, pool: &PgPool) -> Check {
    let pool = pool.clone();
    Check::new(name, move || {
        let pool = pool.clone();
        async move { sqlx::query("SELECT 1").execute(&pool).await.map(drop) }
    })
}

/// Passes while a connection of the pool reads from its file, and the file is
/// still the one that was there at the first look: SQLite itself goes on with one
/// that was removed or replaced, and what it writes is lost when it ends.
#[cfg(feature = "sqlite")]
pub fn sqlite(name: impl Into<String>, pool: &SqlitePool) -> Check {
    let pool = pool.clone();
    let path = pool.connect_options().get_filename().to_owned();
    // A database in memory has a name, and no file of it.
    let on_disk = path.is_file();
    let same = std::sync::Arc::new(super::file::Same::new(path));
    Check::new(name, move || {
        let (pool, same) = (pool.clone(), std::sync::Arc::clone(&same));
        async move {
            let query = sqlx::query("SELECT 1 FROM sqlite_schema LIMIT 1");
            let read = query.execute(&pool).await;
            read.map_err(|error| error.to_string())?;
            if on_disk {
                // SQLite's file is local, so a look at it does not hang.
                same.look()?;
            }
            Ok::<(), String>(())
        }
    })
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::super::ask;
    use super::*;
    use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

    #[tokio::test]
    async fn sqlite_passes_while_it_reads_the_file_that_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cards.db");
        let options = SqliteConnectOptions::new().filename(&path);
        let pool = SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect_with(options.create_if_missing(true));
        let pool = pool.await.unwrap();
        let check = sqlite("database", &pool);
        assert_eq!(ask(&check).await, Ok(()));
        std::fs::remove_file(&path).unwrap();
        let why = ask(&check).await.unwrap_err();
        assert!(why.ends_with("is gone"), "{why}");
        pool.close().await;
        assert!(ask(&check).await.unwrap_err().contains("closed"));
        let memory = SqlitePool::connect("sqlite::memory:").await.unwrap();
        assert_eq!(ask(&sqlite("memory", &memory)).await, Ok(()));
    }
}
