//! The smallest useful file.

/// A complete SLO file with one objective; documentation and tests start from it.
pub const EXAMPLE: &str = r#"apiVersion: openslo/v1
kind: SLO
metadata:
  name: checkout-availability
spec:
  service: checkout
  indicator:
    metadata:
      name: checkout-answered
    spec:
      ratioMetric:
        counter: true
        good:
          metricSource:
            type: Prometheus
            spec:
              query: sum(requests_total{slo="good"})
        total:
          metricSource:
            type: Prometheus
            spec:
              query: sum(requests_total{slo=~"good|bad"})
  timeWindow:
    - duration: 30d
      isRolling: true
  budgetingMethod: Occurrences
  objectives:
    - target: 0.999
"#;
