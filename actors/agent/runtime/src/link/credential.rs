//! What an agent can prove about one mailbox.

use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::session::{
    Certificate, CurrentProof, PseudonymStatement, Right, SessionClaim, SessionProof,
};
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::text::Domain;

/// A key and the right it stands for.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Which right.
    pub right: Right,
    /// Branch of the key; 0 in personal mailboxes.
    pub branch: u32,
    /// Epoch of the key; 0 in personal mailboxes.
    pub epoch: u64,
    /// Owner key, deposit key or pseudonym.
    pub key: SigningKey,
    /// Shared mailboxes: the access key's word about the pseudonym.
    pub certificate: Option<Certificate>,
    /// Shared mailboxes whose old epochs were cut: the current key's word as well.
    pub current: Option<Box<CurrentProof>>,
}

/// What a proof is bound to: this relay, this connection, these nonces.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The domain.
    pub domain: Domain,
    /// The relay's attesting key.
    pub relay: PublicKey,
    /// TLS exporter value of the connection.
    pub channel_binding: Nonce,
    /// The relay's nonce.
    pub relay_nonce: Nonce,
    /// The agent's nonce.
    pub agent_nonce: Nonce,
}

impl Credential {
    /// The owner of a personal mailbox.
    pub fn owner(mailbox: MailboxId, key: SigningKey) -> Self {
        Self {
            mailbox,
            right: Right::Owner,
            branch: 0,
            epoch: 0,
            key,
            certificate: None,
            current: None,
        }
    }

    /// A depositor of a personal mailbox.
    pub fn depositor(mailbox: MailboxId, key: SigningKey) -> Self {
        Self {
            mailbox,
            right: Right::Deposit,
            branch: 0,
            epoch: 0,
            key,
            certificate: None,
            current: None,
        }
    }

    /// A member of a shared mailbox: a pseudonym certified by the access key of its epoch.
    pub fn member(
        mailbox: MailboxId,
        branch: u32,
        epoch: u64,
        access: &SigningKey,
        pseudonym: SigningKey,
    ) -> Self {
        let statement = PseudonymStatement {
            mailbox,
            branch,
            epoch,
            pseudonym: pseudonym.public(),
            ext: Extensions::none(),
        };
        let certificate = Some(Certificate {
            ext: Extensions::none(),
            signature: access.sign(&statement),
        });
        Self {
            mailbox,
            right: Right::Read,
            branch,
            epoch,
            key: pseudonym,
            certificate,
            current: None,
        }
    }

    /// The proof of this right on one connection.
    pub fn prove(&self, binding: &Binding) -> SessionProof {
        self.prove_bound(binding, None)
    }

    /// The proof of this right for one call, of which `body` is the hash.
    pub fn prove_call(&self, binding: &Binding, body: Digest) -> SessionProof {
        self.prove_bound(binding, Some(body))
    }

    fn prove_bound(&self, binding: &Binding, body: Option<Digest>) -> SessionProof {
        let claim = SessionClaim {
            domain: binding.domain.clone(),
            relay: binding.relay,
            channel_binding: binding.channel_binding,
            relay_nonce: binding.relay_nonce,
            agent_nonce: binding.agent_nonce,
            mailbox: self.mailbox,
            right: self.right,
            branch: self.branch,
            epoch: self.epoch,
            body,
            ext: Extensions::none(),
        };
        SessionProof {
            certificate: self.certificate.clone(),
            current: self.current.clone(),
            ..claim.prove(&self.key)
        }
    }
}
