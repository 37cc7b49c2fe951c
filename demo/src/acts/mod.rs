//! The acts of the story, in order.

pub mod breach;
pub mod cast;
pub mod kill;
pub mod mallory;
pub mod matrix;
pub mod scan;
pub mod sharing;
