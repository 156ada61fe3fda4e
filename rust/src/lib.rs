//! The Orchard note commitment tree over a key-value store reached through C callbacks.
#![deny(unsafe_code)]

pub mod callbacks;
pub mod codec;
pub mod engine;
pub mod error;
pub mod ffi;
pub mod hash;
pub mod keys;
pub mod kv;
pub mod kv_shard_store;
mod listing;
