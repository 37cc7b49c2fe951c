//! `telesphor` as a person uses it: the real program, in homes of its own, over a real relay.
//!
//! One program for all of them: each of its own would be linked against everything anew.

#[path = "../common/clock.rs"]
mod clock;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/desk.rs"]
mod desk;
#[path = "../common/family.rs"]
mod family;
#[path = "../common/lab.rs"]
mod lab;
#[path = "../common/people.rs"]
mod people;
#[path = "../common/relay.rs"]
mod relay;
#[path = "../common/rx.rs"]
mod rx;
#[path = "../common/scan.rs"]
mod scan;
#[path = "../common/study.rs"]
mod study;
#[path = "../common/visit.rs"]
mod visit;
#[path = "../common/ward.rs"]
mod ward;

mod acts;
mod bad_days;
mod calls;
mod disclose;
mod endpoints;
mod evidence;
mod exchange;
mod files;
mod gather;
mod guardians;
mod laboratory;
mod log;
mod mandates;
mod page;
mod page_door;
mod prescriptions;
mod roles;
mod rx_days;
mod shared_devices;
mod studies;
mod study_forged;
mod study_sums;
mod support_codes;
mod team;
mod team_ends;
