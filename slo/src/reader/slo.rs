//! One SLO document to one objective.

use rust_decimal::Decimal;

use super::document::Document;
use super::fields::Fields;
use super::scalars;
use super::sink::Sink;
use super::sli::Indicators;
use crate::model::{Objective, Period};

pub(super) fn read<'a>(document: &Document<'a>, indicators: &Indicators<'a>) -> Option<Objective> {
    let sink = document.sink;
    let fields = Fields::of(document.spec, "SLO spec", sink)?;
    let description = fields.optional_text("description");
    let service = fields
        .text("service", "add `service: your-service`")
        .inspect(|service| scalars::dns_label(*service, "service", sink));
    let sli = indicators.of(&fields, sink);
    let period = read_window(&fields, sink);
    if let Some(method) = fields.text("budgetingMethod", "add `budgetingMethod: Occurrences`")
        && method.text != "Occurrences"
    {
        sink.report(
            method.at,
            format!("budgetingMethod `{}` is not supported", method.text),
            "write Occurrences",
        );
    }
    fields.refuse(
        "alertPolicies",
        "alerts are generated",
        "remove it: every SLO gets burn-rate alerts",
    );
    let target = read_objectives(&fields, sink);
    fields.done();
    let annotations = &document.annotations;
    if let Some(runbook) = annotations.runbook {
        scalars::address(runbook, sink);
    }
    if let Some(class) = annotations.class {
        scalars::dns_label(class, "class", sink);
    }
    let owned = |text: super::fields::Text<'_>| text.text.to_owned();
    Some(Objective {
        name: document.name.text.to_owned(),
        service: service?.text.to_owned(),
        display_name: owned(document.display_name.unwrap_or(document.name)),
        description: description.map(owned).unwrap_or_default(),
        class: annotations.class.map(owned),
        runbook: annotations.runbook.map(owned),
        owner: annotations.owner.map(owned),
        target: target?,
        period: period?,
        sli: sli?,
    })
}

fn read_window<'a>(slo: &Fields<'a>, sink: &'a Sink<'a>) -> Option<Period> {
    let fix = "add `timeWindow:` with `- duration: 30d` and `isRolling: true`";
    let [window] = slo.list("timeWindow", fix)? else {
        sink.report(slo.at, "timeWindow must have exactly one item", fix);
        return None;
    };
    let window = Fields::of(window, "time window", sink)?;
    let duration = window.text("duration", "add `duration: 30d`");
    if let Some(rolling) = window.text("isRolling", "add `isRolling: true`")
        && !scalars::is_true(rolling, "isRolling", sink)
    {
        sink.report(
            rolling.at,
            "calendar windows are not supported",
            "write `isRolling: true`",
        );
    }
    window.refuse(
        "calendar",
        "only rolling windows are read",
        "remove it and write `isRolling: true`",
    );
    window.done();
    scalars::period(duration?, sink)
}

fn read_objectives<'a>(slo: &Fields<'a>, sink: &'a Sink<'a>) -> Option<Decimal> {
    let fix = "add `objectives:` with `- target: 0.99`";
    let [objective] = slo.list("objectives", fix)? else {
        sink.report(
            slo.at,
            "objectives must have exactly one item",
            "write one SLO for each objective",
        );
        return None;
    };
    let objective = Fields::of(objective, "objective", sink)?;
    objective.optional_text("displayName");
    for (name, why) in [
        ("op", "it belongs to threshold metrics"),
        ("value", "it belongs to threshold metrics"),
        ("timeSliceTarget", "only Occurrences is read"),
        ("timeSliceWindow", "only Occurrences is read"),
        ("compositeWeight", "composite SLOs are not read"),
        ("indicator", "composite SLOs are not read"),
        ("indicatorRef", "composite SLOs are not read"),
    ] {
        objective.refuse(name, why, "remove it");
    }
    let share = objective.optional_text("target");
    let percent = objective.optional_text("targetPercent");
    let at = objective.at;
    objective.done();
    match (share, percent) {
        (Some(share), None) => scalars::share(share, 0, sink),
        (None, Some(percent)) => scalars::share(percent, 2, sink),
        (Some(_), Some(percent)) => {
            sink.report(
                percent.at,
                "both `target` and `targetPercent`",
                "keep one of them",
            );
            None
        }
        (None, None) => {
            sink.report(at, "objective lacks `target`", "add `target: 0.99`");
            None
        }
    }
}
