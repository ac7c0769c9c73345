//! Load tests as a gate: open-model arrivals, goose journeys, a verdict to trust.
