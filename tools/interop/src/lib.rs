//! Nothing of its own. The tests hold the values of kvshard's shards and caps against the shard
//! serialization of `zcash_client_backend`.
