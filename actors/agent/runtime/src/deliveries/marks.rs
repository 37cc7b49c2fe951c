//! By which mark the devices of one identity know each other's connections.
//!
//! A record of a fetch names the connection by the number that the client gave it. Every device
//! of an identity reads its personal mailboxes under the same owner key, so nothing else in a
//! record tells one from another. Half of the number is random; the other half follows from it,
//! from the device and from the root secret, which every device has and no relay: to a relay
//! both halves look alike.
//!
//! A mark says which device's *honest program* it was. Whoever has stolen an open vault has the
//! root secret, and can mark a connection as any of the identity's devices; the one that he
//! names knows that it made no such connection.

use telesphor_identity::kit::root_derived;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::Nonce;
use telesphor_wire::sign::PublicKey;

const HALF: usize = 16;

fn other_half(root: &Secret, endpoint: &PublicKey, random: &[u8]) -> [u8; HALF] {
    let derived = root_derived(root, "session-mark", &[&endpoint.0[..], random].concat());
    let mut half = [0; HALF];
    half.copy_from_slice(&derived.expose()[..HALF]);
    half
}

/// A number for a connection of this device.
pub(crate) fn marked(root: &Secret, endpoint: &PublicKey) -> Nonce {
    let mut nonce = Nonce::random().0;
    let (random, mark) = nonce.split_at_mut(HALF);
    mark.copy_from_slice(&other_half(root, endpoint, random));
    Nonce(nonce)
}

/// Whether a connection bears this device's mark.
pub(crate) fn bears(nonce: &Nonce, root: &Secret, endpoint: &PublicKey) -> bool {
    let (random, mark) = nonce.0.split_at(HALF);
    other_half(root, endpoint, random) == *mark
}

#[cfg(test)]
mod tests {
    use telesphor_wire::sign::SigningKey;

    use super::*;

    #[test]
    fn a_mark_is_another_devices_or_another_identitys_or_the_same_twice() {
        let (root, other) = (Secret::random(), Secret::random());
        let [phone, tablet] = [0, 1].map(|_| SigningKey::generate().public());
        let nonce = marked(&root, &phone);
        assert!(bears(&nonce, &root, &phone));
        assert!(!bears(&nonce, &root, &tablet) && !bears(&nonce, &other, &phone));
        assert!(!bears(&Nonce::random(), &root, &phone));
        assert_ne!(nonce, marked(&root, &phone));
    }
}
