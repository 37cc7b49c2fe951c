//! The long campaign.
fn main() {}
