//! The examples of draft-ietf-httpapi-ratelimit-headers-11: an independent parser
//! takes them, and what we write for the same quotas reads the same.

use std::time::Duration;

use plimsoll_ratelimit::headers::policy_item;
use plimsoll_ratelimit::{Quota, Unit};
use sfv::{List, Parser};

fn read(field: &str) -> List {
    let list = Parser::new(field).parse();
    list.unwrap_or_else(|error| panic!("{field}: {error}"))
}

#[test]
fn what_we_write_for_the_policies_of_the_draft_reads_as_its_examples() {
    let requests = |count, seconds| {
        (
            Quota::per(count, Duration::from_secs(seconds)),
            Unit::Requests,
        )
    };
    for (example, policies) in [
        (
            r#""burst";q=100;w=60,"daily";q=1000;w=86400"#,
            &[
                ("burst", requests(100, 60)),
                ("daily", requests(1_000, 86_400)),
            ][..],
        ),
        (
            r#""permin";q=50;w=60,"perhr";q=1000;w=3600"#,
            &[
                ("permin", requests(50, 60)),
                ("perhr", requests(1_000, 3_600)),
            ],
        ),
        (r#""default";q=100;w=10"#, &[("default", requests(100, 10))]),
        (
            r#""peruser";q=65535;qu="content-bytes";w=10"#,
            &[(
                "peruser",
                (
                    Quota::per(65_535, Duration::from_secs(10)),
                    Unit::ContentBytes,
                ),
            )],
        ),
    ] {
        let mut field = String::new();
        for (name, (quota, unit)) in policies {
            policy_item(&mut field, name, quota, *unit, None);
        }
        assert_eq!(read(&field), read(example), "{field}");
    }
}

#[test]
fn the_limits_of_the_draft_are_lists_of_items_with_parameters() {
    for example in [
        r#""default";r=50;t=30"#,
        r#""default";r=0;t=5"#,
        r#""problemPolicy";r=0;t=10"#,
        r#""peruser";q=65535;qu="content-bytes";w=10;pk=:sdfjLJUOUH==:"#,
        r#""day";r=100;t=36000, "minute";r=4;t=30"#,
    ] {
        assert!(!read(example).is_empty());
    }
}
