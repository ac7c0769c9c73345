//! The catalog that leaves the service.

use std::{fs, path::PathBuf};

use card_service::{
    cli::ExportArgs,
    export::{ExportError, Exported, export},
};
use tempfile::TempDir;

fn to(output: PathBuf, check: bool) -> ExportArgs {
    ExportArgs {
        output: Some(output),
        check,
    }
}

#[test]
fn the_catalog_in_the_repository_is_fresh() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("errors.json");
    let found = export(&to(file, true)).unwrap();
    assert_eq!(
        found,
        Exported::Fresh,
        "run: card-service errors export -o examples/card-service/errors.json"
    );
}

#[test]
fn what_was_written_is_fresh_until_it_is_changed() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("errors.json");
    assert_eq!(export(&to(file.clone(), false)).unwrap(), Exported::Written);
    assert_eq!(export(&to(file.clone(), true)).unwrap(), Exported::Fresh);
    let changed = fs::read_to_string(&file).unwrap().replace("402", "409");
    fs::write(&file, changed).unwrap();
    assert_eq!(export(&to(file, true)).unwrap(), Exported::Stale);
}

#[test]
fn a_file_that_cannot_be_read_or_written_is_named() {
    let folder = TempDir::new().unwrap();
    let missing = export(&to(folder.path().join("errors.json"), true)).unwrap_err();
    assert!(
        matches!(missing, ExportError::Read(..)) && missing.to_string().contains("errors.json")
    );
    let unwritable = export(&to(folder.path().into(), false)).unwrap_err();
    assert!(matches!(unwritable, ExportError::Write(..)), "{unwritable}");
}
