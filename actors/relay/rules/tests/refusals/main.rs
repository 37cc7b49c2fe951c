//! One test for each refusal, named after what would go wrong without it.
#![allow(unreachable_pub, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod commits;
mod exchange;
mod keeping;
mod ledger;
mod once;
mod opening;
mod owner;
mod packages;
mod rights;

use support::commands::Home;
use support::model::Model;
use telesphor_wire::batch::Submission;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::ext::{Extension, Extensions};

fn opened(home: &Home) -> Model {
    let mut model = Model::new();
    model.must(&home.open(1));
    model
}

fn critical() -> Extensions {
    Extensions::none().with(Extension {
        id: 7,
        critical: true,
        body: Bytes::default(),
    })
}

fn changed(s: &Submission, change: impl FnOnce(&mut Deposit)) -> Submission {
    let mut s = s.clone();
    if let Command::Deposit(d) = &mut s.command {
        change(d);
    }
    s
}
