//! Service level objectives: reader, burn-rate rules, live check, dashboards.
