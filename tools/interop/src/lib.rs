//! This crate has no code of its own. Its tests compare the values of kvshard's
//! shards and caps with the shard serialization of `zcash_client_backend`.
