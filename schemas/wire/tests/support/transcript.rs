//! A whole first exchange, made by the real code from fixed keys: the last part of
//! `docs/protocol.md`.

use std::fmt::Write;
use telesphor_wire::answer::Answer;
use telesphor_wire::canonical;
use telesphor_wire::command::*;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{Incarnation, PartitionId};
use telesphor_wire::mailbox::*;
use telesphor_wire::receipt::*;
use telesphor_wire::session::*;

use super::samples::*;

pub const BEGIN: &str = "<!-- transcript: written by make_vectors -->";
pub const END: &str = "<!-- end of transcript -->";

const OWNER: u8 = 3;
const CONTACT: u8 = 5;
const RELAY: u8 = 10;

struct Transcript(String);

impl Transcript {
    fn say(&mut self, words: &str) {
        write!(self.0, "\n{words}\n").unwrap();
    }
    fn frame<T: serde::Serialize>(&mut self, who: &str, name: &str, frame: &T) {
        let bytes = canonical::encode(frame);
        write!(self.0, "\n**{who}: {name}** ({} bytes)\n\n```\n", bytes.len()).unwrap();
        for line in hex::encode(&bytes).as_bytes().chunks(96) {
            writeln!(self.0, "{}", std::str::from_utf8(line).unwrap()).unwrap();
        }
        self.0.push_str("```\n");
    }
    fn client(&mut self, name: &str, frame: ClientFrame) {
        self.frame("agent", name, &frame);
    }
    fn relay(&mut self, name: &str, frame: RelayFrame) {
        self.frame("relay", name, &frame);
    }
}

/// The relay's side in small: one partition, one command per batch.
struct Ledger {
    previous: Digest,
    position: u64,
}

impl Ledger {
    fn receipt(&mut self, cursor: &Cursor) -> Answer {
        self.position += 1;
        let leaf = BatchLeaf {
            mailbox: mailbox_id(),
            seq: cursor.seq,
            hash: cursor.hash,
        };
        let head = BatchHead {
            previous: self.previous,
            root: BatchTree::new(vec![leaf.digest()]).root(),
            incarnation: Incarnation([0x1c; 32]),
            partition: PartitionId::of(&mailbox_id(), welcome().partitions),
            position: self.position,
            stamp: NOW + self.position,
            ext: Extensions::none(),
        };
        self.previous = head.digest();
        let statement = AttestStatement {
            partition: head.partition,
            incarnation: head.incarnation,
            position: head.position,
            head: head.digest(),
            ext: Extensions::none(),
        };
        let attests = vec![Attest {
            relay: public(RELAY),
            ext: Extensions::none(),
            signature: key(RELAY).sign(&statement),
        }];
        Answer::Durable(Box::new(Receipt {
            leaf,
            index: 0,
            count: 1,
            path: vec![],
            head,
            attests,
        }))
    }
}

fn owner_command(act: OwnerAct, counter: u64, id: u8) -> SignedOwnerCommand {
    let command = OwnerCommand {
        mailbox: mailbox_id(),
        branch: 0,
        counter,
        act,
        command_id: command_id(id),
        not_after: NOW + HOUR,
        ext: Extensions::none(),
    };
    SignedOwnerCommand {
        signature: key(OWNER).sign(&command),
        command,
    }
}

fn prove(handle: u32, right: Right, signer: u8) -> ClientFrame {
    let claim = SessionClaim { right, ..claim() };
    let proof = claim.prove(&key(signer));
    ClientFrame::Prove(Prove { handle, proof })
}

fn calls(call: u32, handle: u32, command: Command) -> ClientFrame {
    ClientFrame::Calls(vec![Call {
        call,
        handle,
        support: support(),
        command,
    }])
}

fn reply(call: u32, answer: Answer) -> RelayFrame {
    RelayFrame::Replies(vec![Reply { call, answer }])
}

pub fn page() -> String {
    let mut t = Transcript(String::new());
    let mut ledger = Ledger {
        previous: Digest([0; 32]),
        position: 0,
    };

    t.say("Owner key: seed `03` x 32. Next owner key: seed `04` x 32. Contact's deposit key: seed `05` x 32. Admission key: \
        seed `08` x 32. Relay's attesting key: seed `0a` x 32. Channel binding of both connections: `cb` x 32.");
    t.client("Hello", ClientFrame::Hello(hello()));
    t.relay("Welcome", RelayFrame::Welcome(welcome()));

    t.say("The owner spends an admission token for one voucher, whose id lies in the partition of the mailbox to be.");
    t.client("Calls [Enrol]", calls(1, 0, Command::Enrol(enrol())));
    t.relay("Replies [Enrolled]", reply(1, Answer::Enrolled(vec![voucher()])));

    t.say("The owner opens a personal mailbox with one deposit key (a real agent pads the list to eight). An owner act \
        becomes event 1, kind OWNER.");
    let open = OwnerAct::Open(Box::new(Open {
        genesis: genesis(),
        voucher: voucher(),
        access: None,
        deposit_keys: DepositKeys(vec![public(CONTACT)]),
    }));
    let open = owner_command(open, 0, 0x31);
    let payload = canonical::encode(&open.command);
    let opened = Event {
        header: EventHeader {
            kind: EventKind::OWNER,
            stamp: NOW + 1,
            size: payload.len() as u32,
            ..header()
        },
        payload_hash: payload_hash(&payload),
        payload: Some(payload.into()),
    };
    let mut cursor = Cursor {
        seq: 0,
        hash: genesis().link(),
    };
    cursor.advance(&opened).unwrap();
    t.client("Calls [Open]", calls(2, 0, Command::Owner(Box::new(open))));
    t.relay("Replies [Durable]", reply(2, ledger.receipt(&cursor)));

    t.say("The owner proves its right and follows from the beginning.");
    t.client("Prove (owner)", prove(1, Right::Owner, OWNER));
    t.relay(
        "Proved",
        RelayFrame::Proved(Proved {
            handle: 1,
            refused: None,
            head: Some(cursor),
            counter: Some(0),
        }),
    );
    t.client(
        "Follow",
        ClientFrame::Follow(Follow {
            handle: 1,
            after: 0,
            credit: 1 << 20,
        }),
    );
    t.relay(
        "Events",
        RelayFrame::Events(Events {
            handle: 1,
            events: vec![opened],
            head: cursor,
        }),
    );

    t.say("On another connection (whose Hello and Welcome are left out) the contact proves the right to deposit and puts \
        in one event. `ciphertext` stands for what the contact sealed.");
    t.client("Prove (deposit)", prove(1, Right::Deposit, CONTACT));
    t.relay(
        "Proved",
        RelayFrame::Proved(Proved {
            handle: 1,
            refused: None,
            head: None,
            counter: None,
        }),
    );
    let deposit = deposit();
    let message = Event {
        header: EventHeader {
            seq: 2,
            stamp: NOW + 2,
            size: deposit.payload.len() as u32,
            ..header()
        },
        payload_hash: payload_hash(&deposit.payload),
        payload: Some(deposit.payload.clone()),
    };
    cursor.advance(&message).unwrap();
    t.client("Calls [Deposit]", calls(1, 1, Command::Deposit(deposit)));
    t.relay("Replies [Durable]", reply(1, ledger.receipt(&cursor)));

    t.say("The owner's session is pushed the new event; the owner takes it over and lets it go.");
    t.relay(
        "Events",
        RelayFrame::Events(Events {
            handle: 1,
            events: vec![message],
            head: cursor,
        }),
    );
    let acknowledge = owner_command(OwnerAct::Acknowledge(2), 1, 0x32);
    t.client(
        "Calls [Acknowledge]",
        calls(3, 0, Command::Owner(Box::new(acknowledge))),
    );
    t.relay("Replies [Durable]", reply(3, ledger.receipt(&cursor)));
    t.0
}
