/* The boundary between the Go package and the Rust engine. The build writes
 * this file with cbindgen from rust/src; `make header-check` compares. */

#ifndef KVSHARD_H
#define KVSHARD_H

#include <stdint.h>

/* The call did what it was asked. */
#define KVSHARD_OK 0
/* A leaf or node is no canonical field element; the report has its index. */
#define KVSHARD_INVALID_NODE 1
/* The tree has no room for the leaves. */
#define KVSHARD_TREE_FULL 2
/* No leaf has the position. */
#define KVSHARD_POSITION_NOT_FOUND 3
/* The leaf was not kept. */
#define KVSHARD_PRUNED 4
/* There is no such checkpoint, or no longer. */
#define KVSHARD_CHECKPOINT_NOT_FOUND 5
/* The id is not above that of the newest checkpoint. */
#define KVSHARD_CHECKPOINT_ORDER 6
/* The tree has leaves or checkpoints already. */
#define KVSHARD_NOT_EMPTY 7
/* A record is not what kvshard writes. */
#define KVSHARD_CORRUPT 8
/* A record has a version byte that this release does not know. */
#define KVSHARD_UNSUPPORTED_VERSION 9
/* A callback answered -1: the store's error or panic waits with its owner. */
#define KVSHARD_STORE 10
/* A panic inside Rust, caught. */
#define KVSHARD_INTERNAL 11
/* The caller's input makes no sense. */
#define KVSHARD_INVALID_ARGUMENT 12

/* 0 found, 1 absent, -1 error. The value is malloc'd and goes to KvFreeBufFn. */
typedef int32_t (*KvGetFn)(void *ctx, const uint8_t *key, uintptr_t key_len,
                           uint8_t **out_val, uintptr_t *out_val_len);
/* 0 or -1. */
typedef int32_t (*KvSetFn)(void *ctx, const uint8_t *key, uintptr_t key_len,
                           const uint8_t *val, uintptr_t val_len);
/* 0 or -1. */
typedef int32_t (*KvDeleteFn)(void *ctx, const uint8_t *key, uintptr_t key_len);
/* An opaque iterator, null on error. */
typedef void *(*KvIterCreateFn)(void *ctx, const uint8_t *prefix,
                                uintptr_t prefix_len, uint8_t reverse);
/* 0 an entry, 1 exhausted, -1 error. Both buffers go to KvFreeBufFn. */
typedef int32_t (*KvIterNextFn)(void *iter, uint8_t **out_key,
                                uintptr_t *out_key_len, uint8_t **out_val,
                                uintptr_t *out_val_len);
typedef void (*KvIterFreeFn)(void *iter);
typedef void (*KvFreeBufFn)(uint8_t *ptr, uintptr_t len);

typedef struct KvCallbacks {
  void *ctx;
  KvGetFn get;
  KvSetFn set;
  KvDeleteFn delete;
  KvIterCreateFn iter_create;
  KvIterNextFn iter_next;
  KvIterFreeFn iter_free;
  KvFreeBufFn free_buf;
} KvCallbacks;

typedef struct KvshardConfig {
  uint32_t max_checkpoints;
  /* 0 Marked, 1 Ephemeral. */
  uint32_t retention;
  /* 0: the default. */
  uint32_t threads;
} KvshardConfig;

/* Filled on every return. */
typedef struct KvshardReport {
  /* Sinsemilla hashes that the call computed. */
  uint64_t hashes;
  /* Index of the offending node for KVSHARD_INVALID_NODE. */
  uint64_t index;
  /* Bytes of UTF-8 text in message; 0 on success. */
  uintptr_t message_len;
  uint8_t message[480];
} KvshardReport;

/* Rust's; give it back with kvshard_buffer_free, once. */
typedef struct KvshardBuffer {
  uint8_t *ptr;
  uintptr_t len;
  uintptr_t capacity;
} KvshardBuffer;

typedef struct KvshardFrontier {
  uint64_t size;
  uint8_t leaf[32];
  uintptr_t ommer_count;
  uint8_t ommers[32][32];
} KvshardFrontier;

int32_t kvshard_append(const KvCallbacks *callbacks, const KvshardConfig *config,
                       const uint8_t *leaves, uintptr_t count, uint64_t *first,
                       KvshardReport *report);
int32_t kvshard_checkpoint(const KvCallbacks *callbacks,
                           const KvshardConfig *config, uint32_t id,
                           KvshardReport *report);
int32_t kvshard_size(const KvCallbacks *callbacks, uint64_t *size,
                     KvshardReport *report);
int32_t kvshard_size_at(const KvCallbacks *callbacks, uint32_t id,
                        uint64_t *size, KvshardReport *report);
int32_t kvshard_root(const KvCallbacks *callbacks, uint8_t *root,
                     KvshardReport *report);
int32_t kvshard_root_at(const KvCallbacks *callbacks, uint32_t id, uint8_t *root,
                        KvshardReport *report);
int32_t kvshard_leaf(const KvCallbacks *callbacks, uint64_t position,
                     uint8_t *leaf, KvshardReport *report);
int32_t kvshard_witness(const KvCallbacks *callbacks, uint64_t position,
                        uint8_t *path, KvshardReport *report);
int32_t kvshard_witness_at(const KvCallbacks *callbacks, uint64_t position,
                           uint32_t id, uint8_t *path, KvshardReport *report);
int32_t kvshard_rewind(const KvCallbacks *callbacks, uint32_t id,
                       KvshardReport *report);
/* 13 bytes a checkpoint, oldest first: id u32 LE, size u64 LE, retained u8. */
int32_t kvshard_checkpoints(const KvCallbacks *callbacks, KvshardBuffer *out,
                            KvshardReport *report);
int32_t kvshard_retain_checkpoint(const KvCallbacks *callbacks, uint32_t id,
                                  KvshardReport *report);
int32_t kvshard_release_checkpoint(const KvCallbacks *callbacks, uint32_t id,
                                   KvshardReport *report);
int32_t kvshard_remove_mark(const KvCallbacks *callbacks, uint64_t position,
                            uint32_t as_of, uint8_t *removed,
                            KvshardReport *report);
int32_t kvshard_frontier(const KvCallbacks *callbacks, KvshardFrontier *frontier,
                         KvshardReport *report);
int32_t kvshard_insert_frontier(const KvCallbacks *callbacks,
                                const KvshardConfig *config,
                                const KvshardFrontier *frontier, uint32_t id,
                                KvshardReport *report);
/* Empty if sound, else lines "invariant TAB key hex or - TAB detail LF". */
int32_t kvshard_check(const KvCallbacks *callbacks, KvshardBuffer *out,
                      KvshardReport *report);
/* UTF-8 text. */
int32_t kvshard_dump(const KvCallbacks *callbacks, KvshardBuffer *out,
                     KvshardReport *report);
void kvshard_buffer_free(KvshardBuffer buffer);

/* Without a store. */
int32_t kvshard_combine(uint32_t level, const uint8_t *pairs, uintptr_t count,
                        uint32_t threads, uint8_t *out, KvshardReport *report);
int32_t kvshard_empty_root(uint32_t level, uint8_t *out, KvshardReport *report);
int32_t kvshard_witness_root(uint64_t position, const uint8_t *path,
                             const uint8_t *leaf, uint8_t *root,
                             KvshardReport *report);
const char *kvshard_version(void);
uint32_t kvshard_abi(void);

#endif /* KVSHARD_H */
