//! `errors lock` and `errors diff`: what was published stays.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{code, err, out, plimsoll, repository, run, serve};

/// A repository with the card service's catalog and its lock, both committed.
struct Service(TempDir);

impl Service {
    fn new() -> Self {
        let service = Self(tempfile::tempdir().unwrap());
        let catalog = repository().join("examples/card-service/errors.json");
        fs::copy(catalog, service.file("errors.json")).unwrap();
        assert_eq!(code(&service.plimsoll(&["lock"])), 0);
        service.git(&["init", "--quiet"]);
        service.commit();
        service
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    fn replace(&self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert!(text.contains(from), "{from} is not in {name}");
        fs::write(self.file(name), text.replacen(from, to, 1)).unwrap();
    }

    /// Takes a code out of the catalog.
    fn remove(&self, code: &str) {
        let mut catalog: Value = serde_json::from_str(&self.text("errors.json")).unwrap();
        let codes = catalog["codes"].as_array_mut().unwrap();
        codes.retain(|entry| entry["code"] != code);
        fs::write(self.file("errors.json"), format!("{catalog:#}")).unwrap();
    }

    /// Retires a code, as a person does.
    fn retire(&self, code: &str, why: &str) {
        let lines = self.text("errors.lock");
        let lines = lines.lines().flat_map(|line| {
            let retired = line
                .starts_with(code)
                .then(|| format!("{code} retired: {why}"));
            [Some(line.to_owned()), retired].into_iter().flatten()
        });
        let lines: Vec<_> = lines.collect();
        fs::write(self.file("errors.lock"), lines.join("\n") + "\n").unwrap();
    }

    fn git(&self, words: &[&str]) {
        let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.test"];
        let mut git = Command::new("git");
        let git = git.arg("-C").arg(self.0.path()).args(identity).args(words);
        let output = git.output().unwrap();
        assert!(output.status.success(), "git {words:?}: {}", err(&output));
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--no-gpg-sign", "--message", "x"]);
    }

    fn plimsoll(&self, words: &[&str]) -> Output {
        let mut command = plimsoll();
        let command = command.arg("errors").args(words).current_dir(self.0.path());
        command.output().unwrap()
    }

    fn diff(&self) -> Output {
        self.plimsoll(&["diff", "--base", "HEAD"])
    }
}

#[test]
fn the_locks_in_the_repository_are_fresh() {
    let catalog = repository().join("examples/card-service/errors.json");
    let lock = repository().join("crates/errors/errors.lock");
    let (catalog, lock) = (catalog.to_str().unwrap(), lock.to_str().unwrap());
    let check = ["errors", "lock", "--check", "--catalog", catalog];
    for more in [&[][..], &["--prefix", "PLM", "--lock", lock]] {
        let output = run(&[&check[..], more].concat());
        assert_eq!(code(&output), 0, "{}", err(&output));
    }
}

#[test]
fn a_new_code_is_published_by_the_next_lock_and_missed_by_the_check_until_then() {
    let service = Service::new();
    let first = service.text("errors.lock");
    assert!(
        first.contains("\nCARD-1001 ACCOUNT_NOT_FOUND status=404 "),
        "{first}"
    );
    assert!(!first.contains("PLM-"), "{first}");
    assert_eq!(code(&service.plimsoll(&["lock", "--check"])), 0);

    service.replace(
        "errors.lock",
        "CARD-1004 CARD_BLOCKED status=409 grpc=ABORTED blame=client retry=never slo=excluded\n",
        "",
    );
    let check = service.plimsoll(&["lock", "--check"]);
    assert_eq!(code(&check), 1);
    let told = err(&check);
    assert!(
        told.contains("lacks CARD-1004; write it with: plimsoll errors lock"),
        "{told}"
    );
    assert_eq!(code(&service.plimsoll(&["lock"])), 0);
    assert_eq!(service.text("errors.lock"), first);
}

#[test]
fn a_published_code_that_changed_is_not_written_over() {
    let service = Service::new();
    let before = service.text("errors.lock");
    service.replace("errors.json", "\"status\": 402", "\"status\": 403");
    service.remove("CARD-1003");
    for words in [&["lock"][..], &["lock", "--check"]] {
        let output = service.plimsoll(words);
        assert_eq!(code(&output), 1);
        let told = err(&output);
        assert!(
            told.contains("LIMIT_EXCEEDED is published with status 402 and now has 403"),
            "{told}"
        );
        assert!(
            told.contains("CARD-1003 CARD_INACTIVE is published and gone"),
            "{told}"
        );
    }
    assert_eq!(service.text("errors.lock"), before);
}

#[test]
fn what_is_added_retired_or_reworded_breaks_nothing() {
    let service = Service::new();
    assert_eq!(
        (code(&service.diff()), out(&service.diff())),
        (0, String::new())
    );

    service.remove("CARD-1003");
    service.retire("CARD-1003", "cards come active");
    service.replace("errors.json", "\"CARD-1008\"", "\"CARD-1009\"");
    service.replace("errors.json", "INVALID_MERCHANT", "UNKNOWN_MERCHANT");
    service.retire("CARD-1008", "use CARD-1009");
    service.replace("errors.json", "Account not found", "No such account");
    let output = service.diff();
    let told = out(&output);
    assert_eq!(code(&output), 0, "{told}");
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(
        lines,
        [
            "text     CARD-1001 ACCOUNT_NOT_FOUND: title",
            "retired  CARD-1003 CARD_INACTIVE: cards come active",
            "retired  CARD-1008 INVALID_MERCHANT: use CARD-1009",
            "added    CARD-1009 UNKNOWN_MERCHANT",
        ]
    );
    assert_eq!(code(&service.plimsoll(&["lock"])), 0);
    assert_eq!(code(&service.diff()), 0);
}

#[test]
fn a_lock_that_was_edited_hides_nothing() {
    let service = Service::new();
    service.remove("CARD-1003");
    service.retire("CARD-1003", "cards come active");
    service.commit();

    service.replace("errors.json", "\"status\": 402", "\"status\": 403");
    service.replace("errors.lock", "status=402", "status=403");
    service.replace("errors.lock", "CARD-1003 retired: cards come active\n", "");
    assert_eq!(code(&service.plimsoll(&["lock"])), 1, "CARD-1003 is gone");
    let output = service.plimsoll(&["diff", "--base", "HEAD", "--format", "json"]);
    assert_eq!(code(&output), 1);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&told["schema"], &told["base"]),
        (&1.into(), &"HEAD".into())
    );
    let broken = told["differences"].as_array().unwrap();
    let broken: Vec<_> = broken.iter().map(|it| (&it["kind"], &it["code"])).collect();
    let kind = Value::from("broken");
    assert_eq!(
        broken,
        [(&kind, &"CARD-1003".into()), (&kind, &"CARD-1005".into())]
    );
    // Against the commit before it is a removal; that was retired then and is not now.
    let before = service.plimsoll(&["diff", "--base", "HEAD~1"]);
    assert_eq!(code(&before), 1);
    assert!(
        out(&before).contains("CARD-1003 CARD_INACTIVE is published and gone"),
        "{}",
        out(&before)
    );
}

#[test]
fn a_catalog_that_a_commit_does_not_have_is_all_new() {
    let service = Service::new();
    fs::create_dir(service.file("other")).unwrap();
    fs::copy(
        service.file("errors.json"),
        service.file("other/errors.json"),
    )
    .unwrap();
    let output = service.plimsoll(&["diff", "--base", "HEAD", "--catalog", "other/errors.json"]);
    assert_eq!(code(&output), 0);
    assert!(
        err(&output).contains("HEAD has no other/errors.json"),
        "{}",
        err(&output)
    );
    assert!(
        out(&output).lines().all(|line| line.starts_with("added ")),
        "{}",
        out(&output)
    );
}

#[test]
fn what_cannot_be_compared_is_bad_input_with_its_fix() {
    let service = Service::new();
    fs::write(service.file("broken.lock"), "CARD-1001 LOST 404\n").unwrap();
    let page = serve(vec![service.text("errors.json")]);
    let outside = tempfile::tempdir().unwrap();
    let outside = outside.path().join("errors.json");
    fs::copy(service.file("errors.json"), &outside).unwrap();
    let outside: &Path = &outside;
    for (words, told) in [
        (&["diff", "--base", "no-such"][..], "no-such is no commit"),
        (&["diff", "--base=--help"], "--help is no commit"),
        (
            &[
                "diff",
                "--base",
                "HEAD",
                "--catalog",
                outside.to_str().unwrap(),
            ],
            "is no commit of a git repository",
        ),
        (
            &["diff", "--base", "HEAD", "--catalog", &page],
            "name a file of a git repository",
        ),
        (
            &["lock", "--lock", "broken.lock"],
            "broken.lock, line 1: no `status=`",
        ),
        (
            &["lock", "--prefix", "PLM"],
            "the lock publishes CARD, not PLM",
        ),
        (
            &["lock", "--prefix", "LEDG", "--lock", "new.lock"],
            "no codes that begin with LEDG",
        ),
        (
            &["lock", "--lock", "no/such/errors.lock"],
            "cannot be written",
        ),
    ] {
        let output = service.plimsoll(words);
        assert_eq!((code(&output), out(&output).as_str()), (2, ""), "{words:?}");
        assert!(err(&output).contains(told), "{told}: {}", err(&output));
    }
}
