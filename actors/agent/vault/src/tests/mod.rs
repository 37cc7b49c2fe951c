//! Tests that need the seams inside.
