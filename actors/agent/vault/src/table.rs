//! What there is in a vault.

macro_rules! tables {
    ($($(#[$doc:meta])* $number:literal $name:ident $backup:literal,)*) => {
        /// A table. Its number stands in clear in the file and is never given a second meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Table { $($(#[$doc])* $name = $number,)* }

        impl Table {
            /// All tables.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number on the disk.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// Whether its records go into a backup. What could make a restored endpoint send
            /// under keys that were used before never does.
            pub const fn in_backup(self) -> bool {
                match self { $(Self::$name => $backup,)* }
            }

            pub(crate) const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

tables! {
    /// The vault's own notes: counter, list ends, keyring generation.
    0 Meta false,
    /// MLS groups, their secrets and private key package halves.
    1 Mls false,
    /// How far each mailbox has been read.
    2 Cursors false,
    /// What is known about each document, and lists of documents.
    3 Documents true,
    /// The bytes of documents, each sealed under its document's own key.
    4 Bodies true,
    /// The document keyring.
    5 DocumentKeys true,
    /// What is still to be sent, in order, as the ciphertext that will be sent.
    6 Outbox false,
    /// People and organisations known.
    7 Contacts true,
    /// Who may read what until when.
    8 Grants true,
    /// Choices of the user.
    9 Settings true,
    /// Private keys of the identity and its endpoint. The recovery kit brings them back, not a backup.
    10 IdentityKeys false,
    /// Key histories, one's own and those of contacts.
    11 Histories true,
    /// Mailboxes: ids, kinds, owner and deposit keys.
    12 Mailboxes false,
    /// Whose word is accepted for what.
    13 Trust true,
    /// Attestations held and given, and status lists.
    14 Attestations true,
    /// Receipts of relays and of readers, who fetched, and who announced which pseudonym.
    15 Receipts true,
    /// Machines, whom they are attached to, and their streams.
    16 Devices false,
    /// Invitations under way.
    17 Invitations false,
    /// Groups: mailbox, members.
    18 Groups false,
    /// Anything else the runtime keeps for itself and can lose.
    19 Scratch false,
    /// Ciphertext taken in while the vault was locked, as the relay delivered it.
    20 Intake false,
    /// Ends of own mailboxes and streams, compared with the relay to find an old copy.
    21 OwnHeads false,
}
