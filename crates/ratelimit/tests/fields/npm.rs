//! The older forms, read by npm's `ratelimit-header-parser` as its users read them.
//! It knows draft-07 and `X-RateLimit-*`, not draft-11.

use std::path::Path;
use std::process::Command;

use plimsoll_ratelimit::answers::Form;
use plimsoll_ratelimit::{Answers, Limit, Quota};

use crate::told;

/// Prints what it reads of the headers in its argument, the reset in seconds from now.
const SCRIPT: &str = r"
const { parseRateLimit } = require('ratelimit-header-parser');
const rows = JSON.parse(process.argv[1]).map((headers) => {
  const before = Date.now();
  const read = parseRateLimit(headers);
  return [read.limit, read.remaining, Math.round((read.reset - before) / 1000)].join(' ');
});
console.log(rows.join('\n'));
";

#[test]
fn the_older_forms_are_read_by_the_parser_that_npm_has() {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/npm/node_modules");
    assert!(
        modules.exists(),
        "make npm installs what is missing: {}",
        modules.display()
    );
    for form in [Form::Draft7, Form::XRateLimit] {
        let limit = Limit::per_client().quota(Quota::per_minute(4));
        let mut rows = told(vec![limit], Answers::exact().form(form), 5);
        let wide = Limit::per_client().quota(Quota::per_minute(4).burst(9));
        rows.extend(told(vec![wide], Answers::exact().form(form), 1));
        let object = |(_, answer): &(_, plimsoll_ratelimit::limiter::Answer)| {
            let pair = |(name, value): &(http::HeaderName, http::HeaderValue)| {
                format!("{:?}:{:?}", name.as_str(), value.to_str().unwrap())
            };
            let pairs: Vec<_> = answer.older.iter().map(pair).collect();
            format!("{{{}}}", pairs.join(","))
        };
        let json: Vec<_> = rows.iter().map(object).collect();
        let mut node = Command::new("node");
        let node = node.args(["-e", SCRIPT, &format!("[{}]", json.join(","))]);
        let output = node.env("NODE_PATH", &modules).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        let read = String::from_utf8(output.stdout).unwrap();
        let read: Vec<_> = read.lines().collect();
        let expected = ["4 3 45", "4 2 30", "4 1 15", "4 0 15", "4 0 15", "9 8 120"];
        assert_eq!(read, expected, "{form:?}");
    }
}
