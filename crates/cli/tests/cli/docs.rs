//! `errors docs`: the page and the Markdown of a catalog.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{code, err, repository, run};

fn cards(file: &str) -> PathBuf {
    repository().join("examples/card-service").join(file)
}

fn docs(folder: &Path, catalog: &Path, more: &[&str]) -> Output {
    let (folder, catalog) = (folder.to_str().unwrap(), catalog.to_str().unwrap());
    let arguments = ["errors", "docs", "--catalog", catalog, "-o", folder];
    run(&[&arguments[..], more].concat())
}

/// The files that a folder has.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn the_pages_in_the_repository_are_what_the_catalog_says() {
    let title = ["--title", "Card service: error codes"];
    let fresh = docs(
        &cards("errors"),
        &cards("errors.json"),
        &[&title[..], &["--check"]].concat(),
    );
    assert_eq!(code(&fresh), 0, "run `make generate`: {}", err(&fresh));
}

#[test]
fn what_is_stale_missing_or_of_no_code_is_told_and_mended() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("a/b");
    let check = || docs(&folder, &cards("errors.json"), &["--check"]);
    assert_eq!(code(&check()), 1, "nothing is there yet");
    let write = || docs(&folder, &cards("errors.json"), &[]);
    assert_eq!(code(&write()), 0, "{}", err(&write()));
    assert_eq!(code(&check()), 0);

    let one = fs::read_to_string(folder.join("CARD-1001.md")).unwrap();
    fs::write(folder.join("CARD-0999.md"), &one).unwrap();
    fs::write(folder.join("CARD-1002.md"), &one).unwrap();
    fs::write(folder.join("by-hand.md"), "# Ours\n").unwrap();
    fs::remove_file(folder.join("index.html")).unwrap();
    let stale = check();
    assert_eq!(code(&stale), 1);
    for (file, told) in [
        ("CARD-0999.md", "is of no code"),
        ("CARD-1002.md", "is stale"),
        ("index.html", "cannot be read"),
    ] {
        let said = err(&stale);
        let line = said.lines().find(|line| line.contains(file));
        assert!(line.unwrap().contains(told), "{said}");
    }
    assert!(!err(&stale).contains("by-hand"), "{}", err(&stale));
    assert_eq!(code(&write()), 0);
    assert_eq!(code(&check()), 0);
    let left = names(&folder);
    assert!(left.contains("by-hand.md") && !left.contains("CARD-0999.md"));
}

#[test]
fn every_code_has_its_file_and_its_anchor_and_nothing_is_loaded_from_elsewhere() {
    let catalog = fs::read_to_string(cards("errors.json")).unwrap();
    let catalog: serde_json::Value = serde_json::from_str(&catalog).unwrap();
    let page = fs::read_to_string(cards("errors/index.html")).unwrap();
    let files = names(&cards("errors"));
    let codes = catalog["codes"].as_array().unwrap();
    assert_eq!(files.len(), codes.len() + 2);
    for code in codes {
        let code = code["code"].as_str().unwrap();
        assert!(files.contains(&format!("{code}.md")));
        assert_eq!(page.matches(&format!("<article id=\"{code}\"")).count(), 1);
    }
    for loads in ["src=", "<link", "@import", "url(", "<img", "<iframe"] {
        assert!(!page.contains(loads), "{loads}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn texts_of_a_catalog_are_text_and_no_markup() {
    let root = tempfile::tempdir().unwrap();
    let catalog = root.path().join("errors.json");
    let text = fs::read_to_string(cards("errors.json")).unwrap();
    let evil = "</script><script>alert(1)</script>|`a<b`";
    let text = text.replace("Card not found", evil);
    let text = text.replace(
        "\"owner\": \"cards\"",
        r#""owner": "\"><b>", "runbook": "javascript:alert(1)""#,
    );
    fs::write(&catalog, text).unwrap();
    let folder = root.path().join("docs");
    let title = ["--title", "<i>Codes</i>"];
    let written = docs(&folder, &catalog, &title);
    assert_eq!(code(&written), 0, "{}", err(&written));
    let page = fs::read_to_string(folder.join("index.html")).unwrap();
    assert_eq!(page.matches("<script").count(), 1, "our own");
    for markup in ["<i>", "<b>\"", "href=\"javascript"] {
        assert!(!page.contains(markup), "{markup}");
    }
    let row = fs::read_to_string(folder.join("README.md")).unwrap();
    let row = row.lines().find(|line| line.contains("CARD-1002")).unwrap();
    assert!(
        !row.contains("<script") && row.contains("\\|`a&lt;b`"),
        "{row}"
    );
}

/// What a browser makes of the page, its script included.
fn opened(query: &str) -> String {
    let page = fs::canonicalize(cards("errors/index.html")).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let browser = names.into_iter().find(|name| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    });
    let browser = browser.unwrap_or_else(|| panic!("no browser; install one with `make tools`"));
    let output = Command::new(browser)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}{query}", page.display()))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The codes that are not hidden.
fn shown(page: &str) -> Vec<String> {
    let articles = page.split("<article ").skip(1);
    let heads = articles.filter_map(|rest| rest.split('>').next());
    heads
        .filter(|head| !head.contains("hidden"))
        .filter_map(|head| head.split('"').nth(1).map(str::to_owned))
        .collect()
}

#[test]
fn a_browser_searches_and_filters_the_page_without_a_network() {
    for (query, codes) in [
        ("?q=store+busy", &["CARD-2002"][..]),
        ("?owner=cards&blame=server", &["CARD-2900"]),
        ("?status=503&owner=cards", &["CARD-2001", "CARD-2002"]),
        // A support reference leads to its code.
        ("?q=card-1005-M70W-HSPH", &["CARD-1005"]),
        ("?q=no+such+words", &[]),
    ] {
        let page = opened(query);
        assert_eq!(shown(&page), codes, "{query}");
        let count = format!("<span>{}</span>", codes.len());
        assert!(page.contains(&count), "{query}");
    }
    let all = shown(&opened(""));
    // A link to a code shows it, whatever is filtered.
    assert_eq!(shown(&opened("?q=no+such+words#CARD-1001")), all);
}
