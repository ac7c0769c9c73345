//! `errors`: catalogs from files, folders above and addresses.

use plimsoll_core::ids::TraceId;
use plimsoll_errors::{PlmCode, reference};
use serde_json::Value;

use crate::common::{code, err, out, plimsoll, repository, run, serve};

fn catalog() -> String {
    let path = repository().join("examples/card-service/errors.json");
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_codes_of_a_service_are_listed_for_people_and_for_programs() {
    let table = run(&["errors", "list", "--catalog", &catalog()]);
    assert_eq!(code(&table), 0, "{}", err(&table));
    let first = out(&table);
    let first = first.lines().next().unwrap();
    assert!(
        first.starts_with("CARD-1001") && first.contains("404"),
        "{first}"
    );

    let json = run(&[
        "errors",
        "list",
        "--catalog",
        &catalog(),
        "--format",
        "json",
    ]);
    assert_eq!(out(&json), std::fs::read_to_string(catalog()).unwrap());
}

#[test]
fn the_nearest_catalog_upward_is_taken() {
    let root = tempfile::tempdir().unwrap();
    let below = root.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let list = || {
        let mut command = plimsoll();
        command.args(["errors", "list"]).current_dir(&below);
        command.output().unwrap()
    };
    let nothing = list();
    assert_eq!(code(&nothing), 2);
    assert!(err(&nothing).contains("errors export"), "{}", err(&nothing));

    std::fs::copy(catalog(), root.path().join("errors.json")).unwrap();
    assert_eq!(code(&list()), 0);
    std::fs::write(root.path().join("a/errors.json"), "{").unwrap();
    let nearer = list();
    assert_eq!(code(&nearer), 2);
    assert!(
        err(&nearer).contains("not an errors.json"),
        "{}",
        err(&nearer)
    );
}

#[test]
fn a_catalog_may_be_at_an_address() {
    let url = serve(vec![std::fs::read_to_string(catalog()).unwrap()]);
    for asked in ["card_not_found", "http://localhost:8080/errors/CARD-1002"] {
        let found = run(&["errors", "explain", asked, "--catalog", &url]);
        assert_eq!(code(&found), 0, "{}", err(&found));
        // No colour but on a terminal.
        assert!(out(&found).starts_with("CARD-1002  "), "{}", out(&found));
    }
}

#[test]
fn a_reference_is_explained_with_the_trace_to_look_for() {
    let shown = reference::make(PlmCode::TimedOut.code(), TraceId(0xabcd_1234)).to_string();
    let text = run(&["errors", "explain", &shown, "--catalog", &catalog()]);
    assert_eq!(code(&text), 0, "{}", err(&text));
    assert!(
        out(&text).contains("PLM-3004") && out(&text).contains("abcd1234"),
        "{}",
        out(&text)
    );

    let arguments = ["errors", "explain", &shown, "--format", "json", "--catalog"];
    let json = run(&[&arguments[..], &[&catalog()]].concat());
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["code"]["code"], "PLM-3004");
    assert_eq!(json["reference"]["ref"], shown);
    assert_eq!(json["reference"]["trace_id_ends_in"], "abcd1234");
}

#[test]
fn what_cannot_be_explained_is_bad_input_with_its_fix() {
    let shown = reference::make(PlmCode::TimedOut.code(), TraceId(0xabcd_1234)).to_string();
    let mistyped = shown.replace("3004", "3003");
    let html = serve(vec!["<html>".to_owned()]);
    for (asked, place, told) in [
        (mistyped.as_str(), catalog().as_str(), "check character"),
        ("CARD-9999", &catalog(), "its CARD codes go from CARD-1001"),
        ("CRAD-1002", &catalog(), "did you mean CARD-1002?"),
        ("card_not_fuond", &catalog(), "did you mean CARD_NOT_FOUND?"),
        ("nonsense", &catalog(), "neither a code nor a reason"),
        ("PLM-3004", "no/such.json", "cannot be read"),
        (
            "PLM-3004",
            "https://127.0.0.1/errors.json",
            "write it like http://",
        ),
        ("PLM-3004", "http://127.0.0.1:1/", "Connection refused"),
        ("PLM-3004", &html, "not an errors.json"),
    ] {
        let output = run(&["errors", "explain", asked, "--catalog", place]);
        assert_eq!((code(&output), out(&output).as_str()), (2, ""), "{asked}");
        assert!(err(&output).contains(told), "{told}: {}", err(&output));
    }
}

/// A catalog of three codes, of which the last says why it is untested.
fn small_catalog(folder: &std::path::Path) -> String {
    let code = |code: &str, more: &str| {
        format!(
            r#"{{"code":"{code}","reason":"R{code}","status":404,"grpc":"NOT_FOUND","blame":"client",
            "slo":"excluded","retry":{{"policy":"never"}},"title":"Gone","client":"c","support":"s",
            "operator":"o"{more}}}"#
        )
    };
    let codes = [
        code("SHOP-1001", ""),
        code("SHOP-1002", ""),
        code(
            "SHOP-1003",
            r#","untested":"only a full disk brings it about""#,
        ),
        code("PLM-1001", ""),
    ];
    let text = format!(
        r#"{{"schema":"plimsoll.errors/1","codes":[{}]}}"#,
        codes.join(",")
    );
    let file = folder.join("errors.json");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_code_that_no_test_has_seen_fails_unless_it_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = small_catalog(folder.path());
    let seen = folder.path().join("seen");
    let line = |code: &str| {
        format!("{{\"method\":\"GET\",\"route\":\"/a/{{id}}\",\"code\":\"{code}\"}}\n")
    };
    let cover = |text: &str, more: &[&str]| {
        std::fs::write(&seen, text).unwrap();
        let seen = seen.to_str().unwrap();
        let arguments = ["errors", "coverage", "--catalog", &catalog, "--seen", seen];
        run(&[&arguments[..], more].concat())
    };
    let one = line("SHOP-1001");
    let missing = cover(&one, &[]);
    assert_eq!(code(&missing), 1, "{}", err(&missing));
    let told = out(&missing);
    assert!(told.contains("SHOP-1002     NEVER SEEN"), "{told}");
    assert!(
        told.contains("SHOP-1001     seen        GET /a/{id}"),
        "{told}"
    );
    assert!(
        told.contains("only a full disk") && told.contains("FAIL: 1 of 3"),
        "{told}"
    );
    assert_eq!(code(&cover("", &[])), 1, "no data is no pass");

    let both = one + &line("SHOP-1002") + &line("OTHER-1001");
    let whole = cover(&both, &["--format", "json"]);
    assert_eq!(code(&whole), 0, "{}", out(&whole));
    let json: Value = serde_json::from_slice(&whole.stdout).unwrap();
    assert_eq!(json["whole"], true);
    assert_eq!(json["codes"][1]["routes"][0], "GET /a/{id}");
    assert_eq!(code(&cover(&both, &["--all"])), 1, "PLM-1001 was not seen");

    let torn = cover(&both[..both.len() - 5], &[]);
    assert_eq!(code(&torn), 2);
    assert!(err(&torn).contains("line 3"), "{}", err(&torn));
    std::fs::remove_file(&seen).unwrap();
    let seen = seen.to_str().unwrap();
    let none = run(&["errors", "coverage", "--catalog", &catalog, "--seen", seen]);
    assert_eq!(code(&none), 2);
    assert!(
        err(&none).contains("PLIMSOLL_ERRORS_SEEN="),
        "{}",
        err(&none)
    );
}
