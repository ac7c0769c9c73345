//! An ordinary axum service with its own telemetry, before and after adopting Plimsoll.
