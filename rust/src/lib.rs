//! The Orchard note commitment tree over a key-value store reached through C callbacks.
