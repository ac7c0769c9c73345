//! Health checks, Kubernetes probes and graceful drain.
