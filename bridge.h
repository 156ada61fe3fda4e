// The C half of the bridge: one wrapper for each function of the engine that
// needs a store.
//
// A wrapper takes the integer of a cgo.Handle, builds the table of callbacks
// on the C stack and makes the call. So Go memory never holds an integer that
// is dressed up as a pointer, and never a table that Rust could keep.

#ifndef KVSHARD_BRIDGE_H
#define KVSHARD_BRIDGE_H

#include <stdint.h>

#include "lib/include/kvshard.h"

// cgo drops const from the prototypes of exported Go functions unless it is
// part of a type name. With this name the compiler checks that Go only reads.
typedef const uint8_t KvInputByte;

// Defined in bridge.c, where the compiler sees kvshard.h and the prototypes
// of the exported Go functions together.
KvCallbacks kvshard_go_callbacks(uintptr_t ctx);

// The scheme of one call. A Go hasher is reached by the same ctx as the store.
const KvshardScheme *kvshard_go_scheme(uintptr_t ctx, const KvshardScheme *scheme,
                                       KvshardScheme *own);

// An empty Rust buffer may have a pointer that points at nothing. It must not
// reach Go memory, where the runtime would take it for a broken pointer.
static inline int32_t kvshard_go_buffer(int32_t status, KvshardBuffer *out) {
  if (out->len == 0) {
    if (out->ptr != NULL) {
      kvshard_buffer_free(*out);
    }
    *out = (KvshardBuffer){0};
  }
  return status;
}

static inline int32_t kvshard_go_append(uintptr_t ctx, const KvshardScheme *scheme,
                                        const KvshardConfig *config, const uint8_t *leaves,
                                        uintptr_t count, uint64_t *first, KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_append(&callbacks, scheme, config, leaves, count, first, report);
}

static inline int32_t kvshard_go_checkpoint(uintptr_t ctx, const KvshardScheme *scheme,
                                            const KvshardConfig *config, uint32_t id,
                                            KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_checkpoint(&callbacks, scheme, config, id, report);
}

static inline int32_t kvshard_go_size(uintptr_t ctx, const KvshardScheme *scheme, uint64_t *size,
                                      KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_size(&callbacks, scheme, size, report);
}

static inline int32_t kvshard_go_size_at(uintptr_t ctx, const KvshardScheme *scheme, uint32_t id,
                                         uint64_t *size, KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_size_at(&callbacks, scheme, id, size, report);
}

static inline int32_t kvshard_go_root(uintptr_t ctx, const KvshardScheme *scheme, uint8_t *root,
                                      KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_root(&callbacks, scheme, root, report);
}

static inline int32_t kvshard_go_root_at(uintptr_t ctx, const KvshardScheme *scheme, uint32_t id,
                                         uint8_t *root, KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_root_at(&callbacks, scheme, id, root, report);
}

static inline int32_t kvshard_go_leaf(uintptr_t ctx, const KvshardScheme *scheme, uint64_t position,
                                      uint8_t *leaf, KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_leaf(&callbacks, scheme, position, leaf, report);
}

static inline int32_t kvshard_go_nodes(uintptr_t ctx, const KvshardScheme *scheme, uint32_t level,
                                       uint64_t first, uint64_t count, KvshardBuffer *out,
                                       KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  int32_t status = kvshard_nodes(&callbacks, scheme, level, first, count, out, report);
  return kvshard_go_buffer(status, out);
}

static inline int32_t kvshard_go_witness(uintptr_t ctx, const KvshardScheme *scheme,
                                         uint64_t position, uint8_t *path, KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_witness(&callbacks, scheme, position, path, report);
}

static inline int32_t kvshard_go_witness_at(uintptr_t ctx, const KvshardScheme *scheme,
                                            uint64_t position, uint32_t id, uint8_t *path,
                                            KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_witness_at(&callbacks, scheme, position, id, path, report);
}

static inline int32_t kvshard_go_rewind(uintptr_t ctx, const KvshardScheme *scheme, uint32_t id,
                                        KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_rewind(&callbacks, scheme, id, report);
}

static inline int32_t kvshard_go_checkpoints(uintptr_t ctx, const KvshardScheme *scheme,
                                             KvshardBuffer *out, KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_go_buffer(kvshard_checkpoints(&callbacks, scheme, out, report), out);
}

static inline int32_t kvshard_go_newest(uintptr_t ctx, const KvshardScheme *scheme,
                                        KvshardNewest *newest, KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_newest(&callbacks, scheme, newest, report);
}

static inline int32_t kvshard_go_retain_checkpoint(uintptr_t ctx, const KvshardScheme *scheme,
                                                   uint32_t id, KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_retain_checkpoint(&callbacks, scheme, id, report);
}

static inline int32_t kvshard_go_release_checkpoint(uintptr_t ctx, const KvshardScheme *scheme,
                                                    uint32_t id, KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_release_checkpoint(&callbacks, scheme, id, report);
}

static inline int32_t kvshard_go_remove_mark(uintptr_t ctx, const KvshardScheme *scheme,
                                             uint64_t position, uint32_t as_of, uint8_t *removed,
                                             KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_remove_mark(&callbacks, scheme, position, as_of, removed, report);
}

static inline int32_t kvshard_go_frontier(uintptr_t ctx, const KvshardScheme *scheme,
                                          KvshardFrontier *frontier, KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_frontier(&callbacks, scheme, frontier, report);
}

static inline int32_t kvshard_go_frontier_at(uintptr_t ctx, const KvshardScheme *scheme,
                                             uint32_t id, KvshardFrontier *frontier,
                                             KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_frontier_at(&callbacks, scheme, id, frontier, report);
}

static inline int32_t kvshard_go_frontier_at_size(uintptr_t ctx, const KvshardScheme *scheme,
                                                  uint64_t size, KvshardFrontier *frontier,
                                                  KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_frontier_at_size(&callbacks, scheme, size, frontier, report);
}

static inline int32_t kvshard_go_insert_frontier(uintptr_t ctx, const KvshardScheme *scheme,
                                                 const KvshardConfig *config,
                                                 const KvshardFrontier *frontier, uint32_t id,
                                                 KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_insert_frontier(&callbacks, scheme, config, frontier, id, report);
}

static inline int32_t kvshard_go_adopt(uintptr_t ctx, const KvshardScheme *scheme,
                                       const KvshardConfig *config, const uint8_t *root,
                                       uint64_t *size, KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_adopt(&callbacks, scheme, config, root, size, report);
}

static inline int32_t kvshard_go_check(uintptr_t ctx, const KvshardScheme *scheme,
                                       KvshardBuffer *out, KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_go_buffer(kvshard_check(&callbacks, scheme, out, report), out);
}

static inline int32_t kvshard_go_dump(uintptr_t ctx, const KvshardScheme *scheme,
                                      KvshardBuffer *out, KvshardReport *report) {
  KvCallbacks callbacks = kvshard_go_callbacks(ctx);
  KvshardScheme own;
  scheme = kvshard_go_scheme(ctx, scheme, &own);
  return kvshard_go_buffer(kvshard_dump(&callbacks, scheme, out, report), out);
}

#endif  // KVSHARD_BRIDGE_H
