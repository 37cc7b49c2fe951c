//! The first page of help: the eight commands that a patient needs, then the rest under headings.

use clap::CommandFactory;

use super::Cli;

/// Headings and their commands. A test holds this against the commands there are.
const GROUPS: [(&str, &[&str]); 11] = [
    (
        "Every day",
        &[
            "identity", "invite", "add", "share", "revoke", "who", "log", "inbox",
        ],
    ),
    ("People", &["accept", "contacts", "attest", "trust", "mandate"]),
    (
        "Documents",
        &[
            "list", "read", "fetch", "send", "sent", "ack", "amend", "retract", "erase", "disclose", "claim",
            "verify", "export",
        ],
    ),
    ("Prescriptions and laboratory", &["rx", "lab"]),
    ("Other doctors", &["refer", "gather"]),
    ("Research", &["study"]),
    ("Teams", &["team"]),
    (
        "My devices",
        &["endpoint", "backup", "recover", "lock", "unlock", "key"],
    ),
    ("Shared devices", &["sign-in", "sign-out", "presence", "prompt"]),
    ("Machines", &["device", "follow"]),
    (
        "This program",
        &["page", "status", "check", "sync", "run", "completion", "help"],
    ),
];

const FIRST_EXCHANGE: &str = "\
A first exchange:
  telesphor identity new \"Aino Korhonen\" --admission LINK     the link is from your hospital
  telesphor invite --for \"my GP\"                              give the link to one person
  telesphor accept LINK                                       the other side takes it
  telesphor contacts                                          compare the words, then:
  telesphor contacts confirm WHO
  telesphor send WHO note.txt                                 the other side: inbox, read ID";

/// The command line with its own first page.
pub(crate) fn command() -> clap::Command {
    let command = Cli::command();
    let mut page = String::from("{about}\n\nUsage: telesphor [OPTIONS] COMMAND\n");
    for (heading, names) in GROUPS {
        page.push_str(&format!("\n{heading}:\n"));
        for name in names {
            let about = command
                .find_subcommand(name)
                .and_then(|c| c.get_about())
                .map(ToString::to_string)
                .unwrap_or_default();
            page.push_str(&format!("  {name:<12}{about}\n"));
        }
    }
    page.push_str("\nOptions:\n{options}\n\n");
    page.push_str(FIRST_EXCHANGE);
    page.push_str("\n\nWHO is a contact's short name or an id; WHAT is a document's id: as lists show them, as\nshort as they stay unique. WHEN is 90d, 2027-02-18 (the end of that day here) or RFC 3339.\n`telesphor help exit-codes` lists what scripts can rely on.\n");
    command.help_template(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_command_left_out_of_the_first_page_is_noticed() {
        let there: BTreeSet<String> = Cli::command()
            .get_subcommands()
            .map(|c| c.get_name().to_owned())
            .collect();
        let mut shown = BTreeSet::new();
        for name in GROUPS.iter().flat_map(|(_, names)| *names) {
            assert!(shown.insert((*name).to_owned()), "{name} is shown twice");
        }
        assert_eq!(there, shown);
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }
}
