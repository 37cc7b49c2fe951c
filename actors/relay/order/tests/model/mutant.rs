//! One rule left out at a time: each must be found out.

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// The base is the longest history of all, whichever incarnation it is of.
    LongestOverall,
    /// The base is the longest history of the highest accepted incarnation.
    LongestOfParent,
    /// A member goes on below what it has promised.
    NoPromise,
    /// A promise leaves before it is on disk.
    PromiseNotSynced,
    /// A candidate opens an incarnation again after a restart.
    IncReused,
    /// A member follows a genesis below what it has promised.
    GenesisBelowPromise,
    /// A member follows a genesis without having its base.
    GenesisWithoutData,
    /// Attestations of different incarnations are added up.
    VotesAcross,
    /// The base is shown to readers as soon as the genesis is followed.
    BaseShown,
    /// A member attests before its sync.
    AttestBeforeSync,
    /// A restored disk goes on with its old key.
    RestoredAtOnce,
    /// A restored disk goes on with its old key from the next genesis on.
    RestoredAtGenesis,
    /// A seat changes hands by the new majority alone.
    NewMajorityOnly,
    /// A member cuts off its history before it knows where that parts from the base.
    CutUnchecked,
    /// A change of seats that is unfinished is not carried on.
    ChangeForgotten,
}
