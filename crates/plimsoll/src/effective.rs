//! What a service is set to, and who said so.

use plimsoll_core::otel::Otel;
use plimsoll_core::settings::{self, Effective, Fault};

use crate::Builder;

impl Builder {
    /// Every setting and OpenTelemetry variable with its value and source, as
    /// [`Builder::build`] would take them now, and every fault among them.
    ///
    /// ```
    /// use plimsoll::Plimsoll;
    ///
    /// let builder = Plimsoll::builder("card-service").env(Vec::new).concurrency(64);
    /// let (all, faults) = builder.effective();
    /// let row = all.iter().find(|row| row.key == "concurrency").unwrap();
    /// assert_eq!((row.value.as_str(), row.source), ("64", "code"));
    /// assert!(faults.is_empty());
    /// ```
    pub fn effective(&self) -> (Vec<Effective>, Vec<Fault>) {
        let (settings, mut faults) = self.settings();
        let (otel, of_otel) = Otel::read(self.variables());
        faults.extend(of_otel);
        let all = settings::effective(&settings, &otel, |key| self.in_code(key));
        (all, faults)
    }

    /// [`Builder::effective`] as a table for people, a line each, faults not in it.
    pub fn effective_table(&self) -> String {
        settings::table(&self.effective().0)
    }
}
