//! A client of one connection.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use telesphor_engine::{Session, SessionContext};
use telesphor_wire::answer::Answer;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::mailbox::Event;
use telesphor_wire::receipt::Receipt;
use telesphor_wire::session::{
    Call, Certificate, ClientFrame, Events, Follow, Hello, Prove, Proved, PseudonymStatement, RelayFrame,
    Right, SessionClaim, SessionProof, Welcome,
};
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::SupportCode;

use super::Yard;
use super::mailboxes::{Personal, Team};

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    pub(crate) session: Session,
    pub(crate) channel_binding: Nonce,
    pub(crate) agent_nonce: Nonce,
    pub(crate) welcome: Welcome,
    next_call: u32,
    replies: BTreeMap<u32, Answer>,
    pub(crate) events: VecDeque<Events>,
    pub(crate) others: VecDeque<RelayFrame>,
}

pub(crate) fn hello(agent_nonce: Nonce) -> ClientFrame {
    ClientFrame::Hello(Hello {
        versions: vec![1],
        features: Vec::new(),
        agent_nonce,
        ext: Extensions::none(),
    })
}

impl Yard {
    pub(crate) async fn connect(&self) -> Client {
        let channel_binding = Nonce::random();
        let mut session = self
            .engine
            .open_session(SessionContext { channel_binding })
            .await
            .unwrap();
        let agent_nonce = Nonce::random();
        session.deliver(hello(agent_nonce)).await.unwrap();
        let Some(RelayFrame::Welcome(welcome)) = session.next().await else {
            panic!("no Welcome")
        };
        Client {
            session,
            channel_binding,
            agent_nonce,
            welcome,
            next_call: 1,
            replies: BTreeMap::new(),
            events: VecDeque::new(),
            others: VecDeque::new(),
        }
    }

    /// A connection that has opened a personal mailbox.
    pub(crate) async fn with_personal(&self) -> (Client, Personal) {
        let mut client = self.connect().await;
        let (personal, open) = self.personal();
        durable(client.call(0, open).await);
        (client, personal)
    }

    /// A connection that has opened a shared mailbox.
    pub(crate) async fn with_team(&self) -> (Client, Team) {
        let mut client = self.connect().await;
        let (team, open) = self.team();
        durable(client.call(0, open).await);
        (client, team)
    }
}

pub(crate) fn durable(answer: Answer) -> Receipt {
    match answer {
        Answer::Durable(receipt) => *receipt,
        other => panic!("not durable: {other:?}"),
    }
}

pub(crate) fn refused(answer: &Answer) -> ErrorCode {
    match answer {
        Answer::Refused(refusal) => refusal.code,
        other => panic!("not refused: {other:?}"),
    }
}

impl Client {
    pub(crate) async fn send(&self, frame: ClientFrame) {
        self.session.deliver(frame).await.unwrap();
    }

    pub(crate) async fn receive(&mut self) -> Option<RelayFrame> {
        tokio::time::timeout(PATIENCE, self.session.next())
            .await
            .expect("nothing came")
    }

    /// Takes one frame in and sorts it.
    pub(crate) async fn step(&mut self) {
        match self.receive().await.expect("the session ended") {
            RelayFrame::Replies(replies) => {
                for reply in replies {
                    let twice = self.replies.insert(reply.call, reply.answer);
                    assert_eq!(twice, None, "a call answered twice");
                }
            }
            RelayFrame::Events(events) => self.events.push_back(events),
            other => self.others.push_back(other),
        }
    }

    /// The next frame that is neither replies nor events.
    pub(crate) async fn other(&mut self) -> RelayFrame {
        loop {
            if let Some(frame) = self.others.pop_front() {
                return frame;
            }
            self.step().await;
        }
    }

    pub(crate) fn next_call(&mut self, handle: u32, command: Command) -> Call {
        let call = self.next_call;
        self.next_call += 1;
        Call {
            call,
            handle,
            support: SupportCode::random(),
            command,
        }
    }

    /// Sends commands in one frame; gives their numbers.
    pub(crate) async fn start(&mut self, handle: u32, commands: Vec<Command>) -> Vec<u32> {
        let calls: Vec<_> = commands.into_iter().map(|c| self.next_call(handle, c)).collect();
        let numbers = calls.iter().map(|c| c.call).collect();
        self.send(ClientFrame::Calls(calls)).await;
        numbers
    }

    pub(crate) async fn answer(&mut self, call: u32) -> Answer {
        loop {
            if let Some(answer) = self.replies.remove(&call) {
                return answer;
            }
            self.step().await;
        }
    }

    pub(crate) async fn call(&mut self, handle: u32, command: Command) -> Answer {
        let numbers = self.start(handle, vec![command]).await;
        self.answer(numbers[0]).await
    }

    pub(crate) fn claim(&self, mailbox: MailboxId, right: Right, epoch: u64) -> SessionClaim {
        SessionClaim {
            domain: self.welcome.domain.clone(),
            relay: self.welcome.relay,
            channel_binding: self.channel_binding,
            relay_nonce: self.welcome.relay_nonce,
            agent_nonce: self.agent_nonce,
            mailbox,
            right,
            branch: 0,
            epoch,
            body: None,
            ext: Extensions::none(),
        }
    }

    /// A proof by an owner key or deposit key.
    pub(crate) fn proof(&self, mailbox: MailboxId, right: Right, key: &SigningKey) -> SessionProof {
        self.claim(mailbox, right, 0).prove(key)
    }

    /// A proof by a fresh pseudonym that an access key certifies.
    pub(crate) fn member_proof(&self, mailbox: MailboxId, epoch: u64, access: &SigningKey) -> SessionProof {
        let pseudonym = SigningKey::generate();
        let signature = access.sign(&PseudonymStatement {
            mailbox,
            branch: 0,
            epoch,
            pseudonym: pseudonym.public(),
            ext: Extensions::none(),
        });
        SessionProof {
            certificate: Some(Certificate {
                ext: Extensions::none(),
                signature,
            }),
            ..self.claim(mailbox, Right::Read, epoch).prove(&pseudonym)
        }
    }

    pub(crate) async fn prove(&mut self, handle: u32, proof: SessionProof) -> Proved {
        self.send(ClientFrame::Prove(Prove { handle, proof })).await;
        match self.other().await {
            RelayFrame::Proved(proved) => proved,
            other => panic!("no Proved: {other:?}"),
        }
    }

    pub(crate) async fn prove_owner(&mut self, handle: u32, personal: &Personal) {
        let proof = self.proof(personal.id, Right::Owner, &personal.owner);
        assert_eq!(self.prove(handle, proof).await.refused, None);
    }

    pub(crate) async fn prove_contact(&mut self, handle: u32, personal: &Personal, contact: usize) {
        let proof = self.proof(personal.id, Right::Deposit, &personal.contacts[contact]);
        assert_eq!(self.prove(handle, proof).await.refused, None);
    }

    pub(crate) async fn prove_member(&mut self, handle: u32, team: &Team) {
        let proof = self.member_proof(team.id, team.epoch(), &team.access[team.access.len() - 1]);
        assert_eq!(self.prove(handle, proof).await.refused, None);
    }

    pub(crate) async fn follow(&mut self, handle: u32, after: u64, credit: u32) {
        self.send(ClientFrame::Follow(Follow {
            handle,
            after,
            credit,
        }))
        .await;
    }

    /// The next so many events that are pushed.
    pub(crate) async fn pushed(&mut self, count: usize) -> Vec<Event> {
        let mut all = Vec::new();
        while all.len() < count {
            match self.events.pop_front() {
                Some(events) => all.extend(events.events),
                None => self.step().await,
            }
        }
        all
    }
}
