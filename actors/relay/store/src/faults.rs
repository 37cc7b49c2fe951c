//! The seam where tests make the disk fail.

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Handing a group's batch to the database.
    Write,
    /// The sync after it: an error here stands for a write whose fate is unknown.
    Sync,
    /// Answering what was just synced: a process that ends here has told nobody.
    Answer,
    /// Giving a finished checkpoint its name.
    CheckpointRename,
    /// Noting what was attested.
    Note,
    /// Writing delivery records.
    Records,
}

/// Asked before each operation that must not fail silently. In service: [`NoFaults`].
pub trait Faults: Send + Sync {
    /// Lets the operation happen, or makes it fail.
    ///
    /// # Errors
    /// Whatever the disk is to answer.
    fn before(&self, operation: Operation) -> std::io::Result<()>;
}

/// Nothing fails but what fails by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn before(&self, _: Operation) -> std::io::Result<()> {
        Ok(())
    }
}
