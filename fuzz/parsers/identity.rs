//! What another identity may show: histories, proofs, files, the recovery kit as typed in.

use telesphor_identity::bundle::{Bundle, Proofs};
use telesphor_identity::evidence::Domains;
use telesphor_identity::history::History;
use telesphor_identity::kit::RecoveryKit;
use telesphor_identity::parcel::Parcel;
use telesphor_identity::status::SignedStatusList;
use telesphor_wire::canonical;

/// Histories, status lists, proofs and bundles.
pub fn histories(bytes: &[u8]) {
    if let Ok(history) = History::from_bytes(bytes) {
        assert_eq!(
            history.to_bytes(),
            bytes,
            "accepted in a form that is not canonical"
        );
        let _ = history.verify(&Domains::default());
    }
    if let Ok(list) = canonical::decode::<SignedStatusList>(bytes) {
        assert_eq!(canonical::encode(&list), bytes);
        if list.list.check().is_ok() {
            let _ = list.list.status(0);
        }
    }
    let _ = Proofs::from_bytes(bytes);
    if let Ok(bundle) = Bundle::from_file(bytes) {
        assert_eq!(
            bundle.to_file(),
            bytes,
            "accepted in a form that is not canonical"
        );
    }
    if let Ok(parcel) = Parcel::from_bytes(bytes) {
        assert_eq!(parcel.to_bytes(), bytes);
    }
}

/// A recovery kit's code.
pub fn kits(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(kit) = RecoveryKit::from_text(text)
    {
        assert!(RecoveryKit::from_text(&kit.to_text()).is_ok());
    }
}
