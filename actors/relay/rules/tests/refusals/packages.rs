//! Key packages.

use crate::opened;
use crate::support::commands::{Home, package};
use crate::support::model::Model;
use crate::support::{NOW, key};
use telesphor_rules::effects::{Decision, Gave};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{DepositKeys, OwnerAct, PublishKeyPackages};
use telesphor_wire::error::ErrorCode;

#[test]
fn each_key_package_is_given_once_and_the_last_resort_again_and_again() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    assert_eq!(model.refuses(&home.take(0, 9)), ErrorCode::NoKeyPackage);
    model.must(&home.owner_says(0, 1, 10, home.publish(0, 2, true)));
    let take = |model: &mut Model, id| match model.must(&home.take(0, id)).remember.gave {
        Gave::Package(p) => (p.package, p.last_resort, p.left),
        other => panic!("no package: {other:?}"),
    };
    assert_eq!(take(&mut model, 11), (package(0), false, 1));
    // A retry gets the same one again, and takes no other.
    match model.submit(&home.take(0, 11), NOW) {
        Decision::Repeated(known) => {
            assert!(matches!(known.gave, Gave::Package(p) if p.package == package(0)))
        }
        other => panic!("not recognised: {other:?}"),
    }
    assert_eq!(take(&mut model, 12), (package(1), false, 0));
    assert_eq!(take(&mut model, 13), (package(255), true, 0));
    assert_eq!(take(&mut model, 14), (package(255), true, 0));
    assert_eq!(model.refuses(&home.take(1, 15)), ErrorCode::NoKeyPackage);
    // Who is no longer a contact takes nothing, and nothing waits for him.
    model.must(&home.owner_says(0, 2, 16, OwnerAct::SetDepositKeys(DepositKeys::default())));
    assert_eq!(model.refuses(&home.take(0, 17)), ErrorCode::Refused);
    assert!(model.packages.is_empty() && model.stocks.is_empty());
    model.assert_invariants();
}

#[test]
fn a_stock_of_key_packages_is_bounded() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    model.must(&home.owner_says(0, 1, 10, home.publish(0, 60, false)));
    assert_eq!(
        model.refuses(&home.owner_says(0, 2, 11, home.publish(0, 5, false))),
        ErrorCode::QuotaExceeded
    );
    assert_eq!(
        model.refuses(&home.owner_says(0, 2, 11, home.publish(0, 65, false))),
        ErrorCode::TooMany
    );
    let unknown = PublishKeyPackages {
        contact: key("x", 0).public(),
        packages: vec![package(0)],
        last_resort: None,
    };
    let unknown = OwnerAct::PublishKeyPackages(unknown);
    assert_eq!(
        model.refuses(&home.owner_says(0, 2, 11, unknown)),
        ErrorCode::Malformed
    );
    let short = PublishKeyPackages {
        contact: home.contact(0).public(),
        packages: vec![Bytes(vec![0; 10])],
        last_resort: None,
    };
    let short = OwnerAct::PublishKeyPackages(short);
    assert_eq!(
        model.refuses(&home.owner_says(0, 2, 11, short)),
        ErrorCode::Malformed
    );
}
