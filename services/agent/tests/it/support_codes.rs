//! Whoever telephones the operator can name the request, and the operator finds it.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use crate::relay;

use common::Home;
use relay::Relay;

#[test]
fn a_request_that_the_relay_refused_is_found_by_the_code_that_was_printed() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = Relay::start(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let link = relay.admission();
    let new = |words: &[&str], name: &str| {
        let home = Home::new();
        let call = [
            words,
            &["identity", "new", name, "--admission", &link, "--kit", "kit.txt"],
        ]
        .concat();
        home.run(&call)
    };
    new(&[], "Aino").ok();

    // The link was good for one.
    let refused = new(&["--json"], "Mallory");
    assert_eq!(refused.code, 3, "{}", refused.err);
    let error = refused.error();
    assert_eq!(error["error"], "T-2006");
    let code = error["support"].as_str().expect("a support code").to_owned();
    assert!(relay.traced(&code).contains("T-2006"));

    let spoken = new(&[], "Mallory");
    let code = spoken
        .err
        .split("support code ")
        .nth(1)
        .unwrap_or_else(|| panic!("no support code in: {}", spoken.err));
    assert!(relay.traced(&code[..7]).contains("T-2006"));
}

#[test]
fn a_relay_that_was_never_reached_gives_no_code_to_search_for() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut relay) = Relay::start(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let home = Home::new();
    let link = relay.admission();
    home.run(&[
        "identity",
        "new",
        "Aino",
        "--admission",
        &link,
        "--kit",
        "kit.txt",
    ])
    .ok();
    relay.stop();
    let away = home.run(&["--json", "--wait", "1s", "sync"]);
    assert_eq!(away.code, 7, "{}", away.err);
    assert!(away.error()["support"].is_null(), "{}", away.err);
}
