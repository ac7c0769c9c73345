//! One record per request and every signal made from it: logs, traces, metrics, Sentry.
