//! A catalog as a lock sees it.

use plimsoll_errors_lock::Published;

use super::{Catalog, Entry};

impl Entry {
    /// The part of the code before the dash.
    pub fn prefix(&self) -> &str {
        self.code.split('-').next().unwrap_or(&self.code)
    }

    /// What may never change of this code once it is published.
    pub fn published(&self) -> Published {
        Published {
            code: self.code.clone(),
            reason: self.reason.clone(),
            status: self.status,
            grpc: self.grpc.clone(),
            blame: self.blame.clone(),
            retry: self.retry.policy.clone(),
            slo: self.slo.clone(),
        }
    }
}

impl Catalog {
    /// What the lock of the catalog with this prefix holds.
    ///
    /// ```
    /// use plimsoll_errors::Catalog;
    /// use plimsoll_errors::lock::Lock;
    ///
    /// let mut lock = Lock::default();
    /// lock.append(&Catalog::of(&[])?.published("PLM"));
    /// assert!(lock.to_string().contains("\nPLM-1001 ROUTE_NOT_FOUND status=404 grpc=NOT_FOUND"));
    /// # Ok::<(), plimsoll_errors::CatalogError>(())
    /// ```
    pub fn published(&self, prefix: &str) -> Vec<Published> {
        let of_it = self.entries().iter().filter(|it| it.prefix() == prefix);
        of_it.map(Entry::published).collect()
    }

    /// The prefixes of the catalogs in it, ascending.
    pub fn prefixes(&self) -> Vec<&str> {
        let mut prefixes: Vec<_> = self.entries().iter().map(Entry::prefix).collect();
        prefixes.dedup();
        prefixes
    }
}
