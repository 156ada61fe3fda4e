// The table of callbacks. Each function here has exactly the type that
// kvshard.h asks for and calls the exported Go function of the same name;
// _cgo_export.h holds the prototypes that cgo wrote for those. A difference
// between the three sides is a compile error here, nowhere a cast.

#if defined(__clang__)
#pragma clang diagnostic error "-Wincompatible-pointer-types"
#else
#pragma GCC diagnostic error "-Wincompatible-pointer-types"
#pragma GCC diagnostic error "-Wdiscarded-qualifiers"
#endif

#include <stdlib.h>

#include "_cgo_export.h"
#include "bridge.h"

// An empty Rust slice has a pointer that points at nothing (its alignment,
// 1). The Go runtime would stop the process on finding it on a Go stack.
static KvInputByte *input(const uint8_t *ptr, uintptr_t len) { return len == 0 ? NULL : ptr; }

static int32_t get(void *ctx, const uint8_t *key, uintptr_t key_len, uint8_t **out_val,
                   uintptr_t *out_val_len) {
  return kvshardGoGet((uintptr_t)ctx, input(key, key_len), key_len, out_val, out_val_len);
}

static int32_t set(void *ctx, const uint8_t *key, uintptr_t key_len, const uint8_t *val,
                   uintptr_t val_len) {
  return kvshardGoSet((uintptr_t)ctx, input(key, key_len), key_len, input(val, val_len), val_len);
}

static int32_t delete_key(void *ctx, const uint8_t *key, uintptr_t key_len) {
  return kvshardGoDelete((uintptr_t)ctx, input(key, key_len), key_len);
}

static void *iter_create(void *ctx, const uint8_t *prefix, uintptr_t prefix_len, uint8_t reverse) {
  return (void *)kvshardGoIterCreate((uintptr_t)ctx, input(prefix, prefix_len), prefix_len,
                                     reverse);
}

static int32_t iter_next(void *iter, uint8_t **out_key, uintptr_t *out_key_len, uint8_t **out_val,
                         uintptr_t *out_val_len) {
  return kvshardGoIterNext((uintptr_t)iter, out_key, out_key_len, out_val, out_val_len);
}

static void iter_free(void *iter) { kvshardGoIterFree((uintptr_t)iter); }

// Stays in C: a read crosses into Go once, not twice.
static void free_buf(uint8_t *ptr, uintptr_t len) {
  (void)len;
  free(ptr);
}

KvCallbacks kvshard_go_callbacks(uintptr_t ctx) {
  // By position: cbindgen may spell the member `delete` differently.
  KvCallbacks callbacks = {
      (void *)ctx, get, set, delete_key, iter_create, iter_next, iter_free, free_buf,
  };
  return callbacks;
}

static int32_t combine(void *ctx, uint32_t level, const uint8_t *children, uintptr_t count,
                       uint8_t *parents) {
  return kvshardGoCombine((uintptr_t)ctx, level, children, count, parents);
}

const KvshardScheme *kvshard_go_scheme(uintptr_t ctx, const KvshardScheme *scheme,
                                       KvshardScheme *own) {
  if (scheme == NULL || scheme->kind != KVSHARD_SCHEME_HASHER) {
    return scheme;
  }
  *own = *scheme;
  own->hasher.ctx = (void *)ctx;
  own->hasher.combine = combine;
  return own;
}
