//! A personal mailbox, opened with an admission, written and read.

use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{
    Command, Deposit, DepositKeys, Enrol, Open, OwnerAct, OwnerCommand, SignedOwnerCommand, SignedVoucher,
};
use telesphor_wire::domain::AdmissionLink;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, MailboxId, PartitionId, Voucher};
use telesphor_wire::mailbox::{Cursor, Event, EventKind, Genesis, MailboxKind, Policy, next_key};
use telesphor_wire::receipt::Receipt;
use telesphor_wire::session::{
    ClientFrame, Events, Fetch, Prove, RelayFrame, Right, SessionClaim, SessionProof,
};
use telesphor_wire::sign::SigningKey;

use super::{Client, Relay, soon};

/// A personal mailbox with one contact.
pub struct Personal {
    /// Its id.
    pub mailbox: MailboxId,
    /// Its owner's key.
    pub owner: SigningKey,
    /// The contact's deposit key.
    pub contact: SigningKey,
    /// Where its chain begins.
    pub genesis: Genesis,
}

/// A token of the relay, as an operator gives it out.
pub fn admission(relay: &Relay) -> AdmissionLink {
    let made = relay.json(&["admit", "new", "--class", "patient", "--uses", "1"]);
    AdmissionLink::from_text(made["link"].as_str().unwrap()).unwrap()
}

/// Spends a token for a voucher in the partition of `mailbox`.
pub async fn enrol(client: &mut Client, link: &AdmissionLink, mailbox: &MailboxId) -> SignedVoucher {
    let partitions = client.welcome().partitions;
    let wanted = PartitionId::of(mailbox, partitions);
    let voucher = loop {
        let voucher = Voucher::random();
        if PartitionId::of(&MailboxId(voucher.0), partitions) == wanted {
            break voucher;
        }
    };
    let enrol = Command::Enrol(Enrol {
        token: link.token,
        vouchers: vec![voucher],
        command_id: CommandId::random(),
        not_after: soon(),
        ext: Extensions::none(),
    });
    match client.call(0, enrol).await {
        Answer::Enrolled(mut vouchers) => vouchers.pop().unwrap(),
        other => panic!("not enrolled: {other:?}"),
    }
}

impl Personal {
    /// Enrols and opens a mailbox.
    pub async fn open(relay: &Relay, client: &mut Client) -> Self {
        let link = admission(relay);
        let (owner, contact, next) = (
            SigningKey::generate(),
            SigningKey::generate(),
            SigningKey::generate(),
        );
        let mailbox = MailboxId::random();
        let voucher = enrol(client, &link, &mailbox).await;
        let genesis = Genesis {
            mailbox,
            domain: client.welcome().domain.clone(),
            kind: MailboxKind::Personal,
            owner: owner.public(),
            next_owner: next_key(&next.public()),
            min_suite: 1,
            policy: Policy::standard(),
            ext: Extensions::none(),
        };
        let mut keys = vec![contact.public()];
        keys.extend((1..8).map(|_| SigningKey::generate().public()));
        keys.sort_unstable();
        let command = OwnerCommand {
            mailbox,
            branch: 0,
            counter: 0,
            act: OwnerAct::Open(Box::new(Open {
                genesis: genesis.clone(),
                voucher,
                access: None,
                deposit_keys: DepositKeys(keys),
            })),
            command_id: CommandId::random(),
            not_after: soon(),
            ext: Extensions::none(),
        };
        let signature = owner.sign(&command);
        let opened = client
            .call(
                0,
                Command::Owner(Box::new(SignedOwnerCommand { command, signature })),
            )
            .await;
        assert!(matches!(opened, Answer::Durable(_)), "not opened: {opened:?}");
        Self {
            mailbox,
            owner,
            contact,
            genesis,
        }
    }

    /// A proof over a connection.
    pub fn proof(&self, client: &Client, right: Right) -> SessionProof {
        let key = if right == Right::Owner {
            &self.owner
        } else {
            &self.contact
        };
        let welcome = client.welcome();
        let claim = SessionClaim {
            domain: welcome.domain.clone(),
            relay: welcome.relay,
            channel_binding: client.binding,
            relay_nonce: welcome.relay_nonce,
            agent_nonce: client.agent_nonce,
            mailbox: self.mailbox,
            right,
            branch: 0,
            epoch: 0,
            body: None,
            ext: Extensions::none(),
        };
        claim.prove(key)
    }

    /// Proves a right under a handle.
    pub async fn prove(&self, client: &mut Client, handle: u32, right: Right) -> Option<Refusal> {
        let proof = self.proof(client, right);
        client.send(&ClientFrame::Prove(Prove { handle, proof })).await;
        match client.frame().await {
            Some(RelayFrame::Proved(proved)) => proved.refused,
            other => panic!("no answer to a proof but {other:?}"),
        }
    }

    /// An act of the owner; `counter` is the last accepted one and one more.
    pub fn act(&self, counter: u64, act: OwnerAct) -> Command {
        let command = OwnerCommand {
            mailbox: self.mailbox,
            branch: 0,
            counter,
            act,
            command_id: CommandId::random(),
            not_after: soon(),
            ext: Extensions::none(),
        };
        let signature = self.owner.sign(&command);
        Command::Owner(Box::new(SignedOwnerCommand { command, signature }))
    }

    /// A deposit.
    pub fn deposit(&self, payload: &[u8]) -> Command {
        Command::Deposit(Deposit {
            mailbox: self.mailbox,
            branch: 0,
            epoch: 0,
            kind: EventKind::MESSAGE,
            command_id: CommandId::random(),
            not_after: soon(),
            payload: Bytes::from(payload),
            ext: Extensions::none(),
            signature: None,
        })
    }

    /// Deposits under a handle; gives the receipt, verified.
    pub async fn put(&self, client: &mut Client, handle: u32, payload: &[u8]) -> Receipt {
        match client.call(handle, self.deposit(payload)).await {
            Answer::Durable(receipt) => {
                receipt.verify(&[client.welcome().relay], 1).unwrap();
                *receipt
            }
            other => panic!("not durable: {other:?}"),
        }
    }

    /// Every event, read by the owner and checked against the chain.
    pub async fn read_all(&self, client: &mut Client, handle: u32) -> Vec<Event> {
        let mut cursor = Cursor {
            seq: 0,
            hash: self.genesis.link(),
        };
        let mut all = Vec::new();
        loop {
            client
                .send(&ClientFrame::Fetch(Fetch {
                    handle,
                    after: cursor.seq,
                    max_events: 1_000,
                }))
                .await;
            let Events { events, head, .. } = match client.frame().await {
                Some(RelayFrame::Events(events)) => events,
                other => panic!("no events but {other:?}"),
            };
            for event in events {
                cursor.advance(&event).unwrap();
                all.push(event);
            }
            if cursor == head {
                return all;
            }
        }
    }
}
