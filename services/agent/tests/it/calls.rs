//! What can be relied on without any relay: help, usage, exit codes, forms of output.
#![allow(clippy::unwrap_used)]

use crate::common;

use common::{Home, ran};

#[test]
fn the_first_page_begins_with_what_a_patient_needs_and_shows_a_first_exchange() {
    let help = Home::new().run(&["--help"]).ok().out;
    let at = |word: &str| {
        help.find(&format!("\n  {word} "))
            .unwrap_or_else(|| panic!("{word} is missing:\n{help}"))
    };
    let eight = [
        "identity", "invite", "add", "share", "revoke", "who", "log", "inbox",
    ];
    for pair in eight.windows(2) {
        assert!(at(pair[0]) < at(pair[1]), "{pair:?}");
    }
    for later in ["accept", "device", "status", "completion"] {
        assert!(at("inbox") < at(later));
    }
    for step in [
        "identity new",
        "invite --for",
        "accept LINK",
        "contacts confirm",
        "send WHO",
        "exit-codes",
    ] {
        assert!(help.contains(step), "{step}");
    }
    assert!(
        help.lines().all(|line| line.chars().count() <= 100),
        "wider than 100 columns"
    );
}

#[test]
fn the_words_that_hurt_do_not_appear_in_help() {
    let home = Home::new();
    let mut pages = vec![home.run(&["--help"]).ok().out];
    for command in [
        "share", "send", "who", "revoke", "inbox", "read", "device", "contacts", "recover",
    ] {
        pages.push(home.run(&["help", command]).ok().out);
    }
    for page in pages {
        for word in ["epoch", "commit", "leaf", "MLS", "doctor "] {
            assert!(!page.contains(word), "{word} in:\n{page}");
        }
    }
}

#[test]
fn every_exit_code_is_explained_once() {
    let home = Home::new();
    let words = home.run(&["help", "exit-codes"]).ok().out;
    for (number, meaning) in [
        (0, "durable"),
        (4, "not genuine"),
        (6, "not yet"),
        (8, "this machine"),
        (9, "conflict"),
    ] {
        assert!(
            words
                .lines()
                .any(|l| l.trim_start().starts_with(&format!("{number}  ")) && l.contains(meaning)),
            "{words}"
        );
    }
    let rows = home.run(&["--json", "help", "exit-codes"]).ok().json();
    assert_eq!(rows.len(), 10);
    assert!(
        rows.iter()
            .enumerate()
            .all(|(i, row)| row["exit"] == i && row["v"] == 1)
    );
}

#[test]
fn a_wrong_call_ends_with_2_and_in_the_form_that_was_asked_for() {
    let home = Home::new();
    for wrong in [
        &["no-such-command"][..],
        &["read"],
        &["send", "--nothing"],
        &["--json", "--plain", "status"],
        &["help", "nothing"],
    ] {
        let ran = home.run(wrong);
        assert_eq!(ran.code, 2, "{wrong:?}: {}", ran.err);
        assert!(ran.out.is_empty(), "words on stdout: {}", ran.out);
    }
    let ran = home.run(&["--json", "read"]);
    assert_eq!(ran.code, 2);
    let error = ran.error();
    assert_eq!(
        (
            error["v"].as_u64(),
            error["error"].as_str(),
            error["who_acts"].as_str()
        ),
        (Some(1), Some("T-6013"), Some("you"))
    );
    assert!(error["words"].as_str().unwrap().len() > 5);
    assert!(error["retry_after_s"].is_null() && error["support"].is_null());
}

#[test]
fn a_missing_profile_is_named_and_the_way_out_is_shown() {
    let home = Home::new();
    let ran = home.run(&["--profile", "aino", "status"]);
    assert_eq!(ran.code, 8);
    assert!(
        ran.err.contains("T-6007") && ran.err.contains("aino") && ran.err.contains("identity new"),
        "{}",
        ran.err
    );
    let error = home.run(&["--profile", "aino", "--json", "inbox"]).error();
    assert_eq!(error["error"], "T-6007");
    assert!(!home.path("home/profiles/aino").exists(), "asking made a profile");
}

#[test]
fn a_profile_name_that_leaves_the_folder_is_refused() {
    let home = Home::new();
    assert_eq!(home.run(&["--profile", "../../x", "status"]).code, 2);
}

#[test]
fn a_link_with_a_wrong_letter_makes_nothing() {
    let home = Home::new();
    let ran = home.run(&[
        "identity",
        "new",
        "Aino",
        "--admission",
        "telesphor-join:teljoin1qqqq",
    ]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("a letter is wrong"), "{}", ran.err);
    assert!(!home.path("home/profiles").exists());
}

#[test]
fn a_time_that_is_past_or_unclear_is_refused_before_anything_happens() {
    let home = Home::new();
    for (when, words) in [
        ("2020-01-01", "in the past"),
        ("next week", "not a time"),
        ("2999-01-01T00:00:00", "not a time"),
    ] {
        let ran = home.run(&["invite", "--for", "my GP", "--expires", when]);
        assert_eq!(ran.code, 2, "{when}: {}", ran.err);
        assert!(ran.err.contains(words), "{when}: {}", ran.err);
    }
    let ran = home.run(&["invite", "--for", "my GP", "--expires", "2999-02-18"]);
    assert!(
        ran.err
            .contains("Mon 18 Feb 2999 23:59:59 UTC (2999-02-18T23:59:59.999Z)"),
        "{}",
        ran.err
    );
}

#[test]
fn lock_needs_no_passphrase_and_nothing_is_asked_where_nobody_answers() {
    let home = Home::new();
    std::fs::create_dir_all(home.path("home/profiles/aino")).unwrap();
    std::fs::write(home.path("home/profiles/aino/vault.session"), b"x").unwrap();
    assert_eq!(ran(home.bare(&["lock"]).output().unwrap()).code, 0);
    assert!(!home.path("home/profiles/aino/vault.session").exists());
    std::fs::write(home.path("home/profiles/aino/vault.head"), b"x").unwrap();
    let locked = ran(home.bare(&["--json", "inbox"]).output().unwrap());
    assert_eq!(locked.code, 8);
    assert_eq!(locked.error()["error"], "T-6001");
    assert!(
        locked.error()["next"]
            .as_str()
            .unwrap()
            .contains("telesphor unlock")
    );
}

#[test]
fn a_damaged_vault_is_said_to_be_damaged() {
    let home = Home::new();
    std::fs::create_dir_all(home.path("home/profiles/aino")).unwrap();
    std::fs::write(home.path("home/profiles/aino/vault.head"), b"nonsense").unwrap();
    let damaged = home.run(&["--json", "status"]);
    assert_eq!(
        (damaged.code, damaged.error()["error"].as_str()),
        (8, Some("T-6003"))
    );
}

#[test]
fn completion_knows_every_shell_and_every_command() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.run(&["completion", shell]).ok().out;
        for word in ["identity", "inbox", "device", "completion"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn help_reaches_every_command_of_every_depth() {
    let home = Home::new();
    for path in [
        &["help", "identity", "new"][..],
        &["help", "device", "attach"],
        &["help", "contacts", "confirm"],
    ] {
        let page = home.run(path).ok().out;
        assert!(page.contains("Usage:"), "{page}");
    }
    assert!(home.run(&["--version"]).ok().out.starts_with("telesphor "));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    use std::io::Read;
    use std::process::Stdio;
    let home = Home::new();
    let mut child = home
        .command(&["completion", "bash"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0u8; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
