//! The story of an admission: a hospital's signed roster, a patient who grants roles, and who can
//! open what after every step.

mod cast;
mod columns;
mod grants;
mod matrix;
mod roster;
mod screens;
mod steps;
mod tell;

pub use tell::tell;
