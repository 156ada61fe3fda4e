//! The Orchard note commitment tree over a key-value store reached through C callbacks.

#![deny(unsafe_code)]

pub mod hash;
