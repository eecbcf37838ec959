//! Where credentials come from.

pub mod container;
pub mod web_identity;
