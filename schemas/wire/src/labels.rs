//! Every domain-separation label of the product, each once.
//!
//! A label says what a hash, a signature or a key is *for*. Two purposes never
//! share one, so bytes made for one purpose mean nothing for another. The words
//! are fixed by the crypto profile; the whole context is `"telesphor/1 "`
//! followed by the word (for signatures `"telesphor/1 sign "`). A test refuses
//! a word used twice, and `schemas/vectors/labels.json` holds one frozen vector each.

macro_rules! labels {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* #[doc = concat!("`", $word, "`")] $variant,)* }

        impl $name {
            /// All labels of this kind, in the order of the crypto profile.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word as the crypto profile writes it.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The full BLAKE3 `derive_key` context (or HPKE info, or exporter label).
            pub const fn context(self) -> &'static str {
                match self { $(Self::$variant => concat!($prefix, $word),)* }
            }
        }
    };
}

labels! {
    /// Purposes of a signature. The context hashes the signed struct before Ed25519 sees it.
    SignLabel, "telesphor/1 sign ", {
        // relay
        Session = "session",
        Pseudonym = "pseudonym",
        Deposit = "deposit",
        RelayCommit = "relay-commit",
        /// The base epoch's word in a Rewind: another type than a commit's, so another label.
        RelayRewind = "relay-rewind",
        OwnerCommand = "owner-command",
        ForwardSession = "forward-session",
        Batch = "batch",
        Attest = "attest",
        /// "This order, up to here, is on my disk."
        Vote = "vote",
        /// Asking for promises, to open a new incarnation of an order.
        Collect = "collect",
        /// "I follow nothing below this incarnation any more."
        Promise = "promise",
        /// Where a new incarnation of an order begins.
        OrderGenesis = "order-genesis",
        /// A relay that has started asks what it said before.
        Hello = "hello",
        /// What it is known to have said.
        Heard = "heard",
        DomainRecord = "domain-record",
        SealingKey = "sealing-key",
        /// A domain's word that one mailbox may be opened.
        Voucher = "voucher",
        /// A domain's word that so many may enrol, or no more.
        Admit = "admit",
        /// Who is in a cluster, and what its history is called.
        ClusterRecord = "cluster-record",
        /// What relays of a cluster tell each other of large files.
        BlobWord = "blob-word",
        /// What relays of two domains tell each other.
        ExchangeWord = "exchange-word",
        /// What relays of a cluster pass on to each other for mailboxes that not all of them keep.
        PassedWord = "passed-word",
        /// Taking a key package out of a mailbox.
        KeyPackageTake = "key-package-take",
        // identity
        IdentityEvent = "identity-event",
        Endpoint = "endpoint",
        RecoveryStart = "recovery-start",
        RecoveryFinish = "recovery-finish",
        RecoveryVeto = "recovery-veto",
        Attestation = "attestation",
        StatusList = "status-list",
        Roster = "roster",
        GuardianShare = "guardian-share",
        // inside the seal
        CommitAttribution = "commit-attribution",
        DepositInner = "deposit-inner",
        InviteAccept = "invite-accept",
        KeyPackageSet = "key-package-set",
        Grant = "grant",
        Document = "document",
        Presentation = "presentation",
        OpeningReceipt = "opening-receipt",
        Complaint = "complaint",
        RejoinRequest = "rejoin-request",
        Study = "study",
        Withdrawal = "withdrawal",
        EmergencyRequest = "emergency-request",
        EmergencyRelease = "emergency-release",
        ExportManifest = "export-manifest",
        /// One person's word that another may act for him.
        Mandate = "mandate",
        /// What the holder of a mandate asks a device of the other's to do.
        MandateRequest = "mandate-request",
        /// "I am at this workstation until then."
        Presence = "presence",
        /// A device is attached to a patient for a time.
        Association = "association",
        /// One batch of a device's samples.
        StreamBatch = "stream-batch",
        /// A second signature under somebody else's document.
        CoSignature = "co-signature",
        /// The organisation's word that what a patient granted to its roles has served its purpose.
        Discharge = "discharge",
        /// That a role of an organisation can be written to.
        RoleCard = "role-card",
        /// A member of staff's key for letters to roles.
        RoleKey = "role-key",
        /// The sender's word in a letter to a role.
        RoleLetter = "role-letter",
        /// Where a laboratory takes orders.
        LabDesk = "lab-desk",
        /// A hospital's word that its people may order for a day.
        LabPass = "lab-pass",
        /// An order to a laboratory that does not know the patient.
        LabOrder = "lab-order",
        /// What is told of an order later.
        LabNews = "lab-news",
        /// A laboratory's word on where an order stands.
        LabNotice = "lab-notice",
        /// Somebody takes part in a study, under a key for this study alone.
        StudyJoin = "study-join",
        /// Where one of two adds up what nobody sees.
        StudyPlace = "study-place",
        /// One half of a number, for one of the two who add up.
        StudyShare = "study-share",
        /// What the two who add up tell each other, and whoever asked.
        StudySum = "study-sum",
        // ledger
        RxTicket = "rx-ticket",
        RxConfirm = "rx-confirm",
        RxRelease = "rx-release",
        RxCancel = "rx-cancel",
        /// A pharmacist stops a prescription until its prescriber has answered.
        RxHold = "rx-hold",
        /// The end of such a stop.
        RxLift = "rx-lift",
        /// A supply that was made without the ledger.
        RxSettle = "rx-settle",
    }
}

labels! {
    /// Purposes of a plain hash.
    HashLabel, "telesphor/1 ", {
        Identity = "identity",
        HistoryLink = "history-link",
        NextKey = "next-key",
        HistoryLocator = "history-locator",
        MailboxGenesis = "mailbox-genesis",
        Event = "event",
        Payload = "payload",
        BatchLeaf = "batch-leaf",
        BatchNode = "batch-node",
        BatchHead = "batch-head",
        /// One entry of an order, whatever it holds.
        OrderEntry = "order-entry",
        /// What was ordered, up to and with one entry.
        OrderLink = "order-link",
        /// How much weight a relay has for a partition: where it lives.
        Placement = "placement",
        CommitBytes = "commit-bytes",
        Command = "command",
        /// Which of a domain's sealing keys.
        SealingKeyId = "sealing-key-id",
        /// A forwarded request as it travels: what its reply answers.
        Forwarded = "forwarded",
        FieldLeaf = "field-leaf",
        FieldPad = "field-pad",
        FieldNode = "field-node",
        Original = "original",
        DocumentId = "document-id",
        /// The salted commitment to a document's header.
        DocumentHeader = "document-header",
        /// Name of a grant.
        GrantId = "grant-id",
        /// Name of a mandate.
        MandateId = "mandate-id",
        /// Name of a request under a mandate.
        MandateRequestId = "mandate-request-id",
        /// Name of one edition of a roster.
        RosterId = "roster-id",
        /// Name of an attestation.
        AttestationId = "attestation-id",
        /// Name of a device association.
        AssociationId = "association-id",
        /// Name of a recovery that was started.
        RecoveryId = "recovery-id",
        /// Who holds the shares of a recovery secret.
        GuardianSet = "guardian-set",
        /// Check number of a recovery kit.
        KitCheck = "kit-check",
        HolderKey = "holder-key",
        /// The parts that one presentation shows.
        PresentedParts = "presented-parts",
        Stamp = "stamp",
        RxEntry = "rx-entry",
        RxKey = "rx-key",
        /// One step of a ledger entry's history.
        RxStep = "rx-step",
        LabOrderId = "lab-order-id",
        /// Whose halves are added up in one batch.
        StudyBatch = "study-batch",
        SafetyNumber = "safety-number",
        InviteKey = "invite-key",
        /// The words that two devices of one identity show when one lets the other in.
        EndpointWords = "endpoint-words",
        Share = "share",
        /// An admission token or opening voucher as the relay keeps it.
        Admission = "admission",
        /// A relay's TLS public key (SubjectPublicKeyInfo), as pinned in a domain record.
        TlsKey = "tls-key",
        /// A call about a blob, as a proof is bound to it.
        BlobCall = "blob-call",
        /// Under which name a vault keeps the keys of a document's files.
        DocumentParts = "document-parts",
    }
}

labels! {
    /// Purposes of a derived key: `K(label, key, x) = H(label, key || x)`.
    KdfLabel, "telesphor/1 ", {
        FieldSalt = "field-salt",
        BlobAead = "blob-aead",
        HistorySeal = "history-seal",
        KpSeal = "kp-seal",
        InviteSeal = "invite-seal",
        /// What two devices of one identity leave for each other while one lets the other in.
        EndpointSeal = "endpoint-seal",
        VaultPage = "vault-page",
        VaultKeyring = "vault-keyring",
        VaultBackup = "vault-backup",
        RecoveryNext = "recovery-next",
        RecoveryBackup = "recovery-backup",
        EmergencyPackage = "emergency-package",
        /// Keys derived from an identity's root secret (deposit, study and dispense keys).
        RootDerived = "root-derived",
        /// The key with which a domain's relays put answers into the outboxes of its agents.
        ExchangeKey = "exchange-key",
        /// A cluster's next sealing key, out of the one before: no way leads back.
        SealingNext = "sealing-next",
    }
}

labels! {
    /// Labels of the MLS exporter (RFC 9420, section 8.5). The context is always (mailbox id, branch).
    ExporterLabel, "telesphor/1 ", {
        Access = "access",
        Attribution = "attribution",
        ScopePsk = "scope-psk",
    }
}

labels! {
    /// HPKE `info` strings (RFC 9180, section 5.1).
    HpkeLabel, "telesphor/1 ", {
        Deposit = "seal deposit",
        Forward = "seal forward",
        /// The answer to a forwarded request: another type, so another label.
        ForwardReply = "seal forward-reply",
        DeliveryLog = "seal delivery-log",
        Share = "seal share",
        Emergency = "seal emergency",
        Push = "seal push",
        /// The opening of an invitation's one-time answer.
        Invite = "seal invite",
        /// What one device hands to another of the same identity.
        Endpoint = "seal endpoint",
        /// The key of a letter to a role, for one of its readers.
        Role = "seal role",
        /// What is deposited at a laboratory's desk.
        LabOrder = "seal lab-order",
        /// What a laboratory deposits in the mailbox of one order.
        LabResult = "seal lab-result",
        /// What is deposited at the desk of a study, or of one who adds up for it.
        StudyDesk = "seal study-desk",
        /// What a study answers somebody who takes part.
        StudyAnswer = "seal study-answer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_label_used_twice_is_refused() {
        let mut seen = BTreeSet::new();
        let all = SignLabel::ALL
            .iter()
            .map(|l| l.context())
            .chain(HashLabel::ALL.iter().map(|l| l.context()))
            .chain(KdfLabel::ALL.iter().map(|l| l.context()))
            .chain(ExporterLabel::ALL.iter().map(|l| l.context()))
            .chain(HpkeLabel::ALL.iter().map(|l| l.context()));
        for context in all {
            assert!(seen.insert(context), "label used twice: {context}");
        }
    }
}
