//! The command plimsoll: SLO rules and checks, load gates, dashboards, error codes.
