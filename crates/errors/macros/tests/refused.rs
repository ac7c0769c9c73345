//! What does not compile, and what the compiler says: one file a case in
//! `refused/`, its messages beside it. After a change write them anew with
//! `TRYBUILD=overwrite` and read them as somebody who has never seen this crate.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

#[test]
fn what_breaks_a_rule_does_not_compile_and_says_what_to_do() {
    // The cases are built as a crate of trybuild's, so that is where their locks belong.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let project = target.join("tests/trybuild").join(env!("CARGO_PKG_NAME"));
    fs::create_dir_all(&project).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for lock in fs::read_dir(here.join("tests/locks")).unwrap() {
        let lock = lock.unwrap();
        fs::copy(lock.path(), project.join(lock.file_name())).unwrap();
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/refused/*.rs");
}
