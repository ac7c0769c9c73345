//! Exact rate limits (GCRA) and concurrency limits as tower layers.
