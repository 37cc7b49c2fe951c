//! How openmls is set up. Each choice answers a trap that was met.

use openmls::prelude::{
    Lifetime, MlsGroupCreateConfig, MlsGroupJoinConfig, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY,
    SenderRatchetConfiguration,
};

use crate::limits::{MAX_SKIPPED, OUT_OF_ORDER, PACKAGE_LIFE_MS, PAST_EPOCHS};
use crate::suite::Suite;

/// The hour that key packages are valid before they were made, for slow clocks, milliseconds.
const SLACK_MS: u64 = 3_600_000;

/// Private messages only; no tree in the GroupInfo unless somebody joins; no resumption.
pub(crate) fn join_config(padding: usize) -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .padding_size(padding)
        .max_past_epochs(PAST_EPOCHS)
        .number_of_resumption_psks(0)
        .use_ratchet_tree_extension(false)
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(OUT_OF_ORDER, MAX_SKIPPED))
        .build()
}

pub(crate) fn create_config(
    suite: Suite,
    now_ms: u64,
    extensions: openmls::prelude::Extensions<openmls::prelude::GroupContext>,
) -> MlsGroupCreateConfig {
    MlsGroupCreateConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .max_past_epochs(PAST_EPOCHS)
        .number_of_resumption_psks(0)
        .use_ratchet_tree_extension(false)
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(OUT_OF_ORDER, MAX_SKIPPED))
        .ciphersuite(suite.mls())
        .capabilities(crate::binding::capabilities())
        .lifetime(lifetime(now_ms, PACKAGE_LIFE_MS))
        .with_group_context_extensions(extensions)
        .build()
}

/// A lifetime from an hour before `now_ms` for `life_ms`; MLS counts seconds.
pub(crate) fn lifetime(now_ms: u64, life_ms: u64) -> Lifetime {
    Lifetime::init(
        now_ms.saturating_sub(SLACK_MS) / 1000,
        now_ms.saturating_add(life_ms) / 1000,
    )
}
