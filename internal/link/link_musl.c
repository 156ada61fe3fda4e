//go:build musl || muslc

// What a static program on musl needs so that a Rust panic can unwind, if the
// compiler is musl-gcc over a libgcc built for glibc (Debian's musl-tools).
// Alpine's own compiler needs none of it, and none of it gets in the way there.

#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "link_musl.h"

// libgcc_eh refers to these by weak names only. In a static link a weak name is
// null if nothing else needs it, and the first panic would call address 0.
__attribute__((used)) static void *const kvshard_keep[] = {
    (void *)pthread_once,        (void *)pthread_key_create, (void *)pthread_getspecific,
    (void *)pthread_setspecific, (void *)pthread_create,     (void *)pthread_mutex_lock,
    (void *)pthread_mutex_unlock,
};

// glibc's dlfcn.h calls this struct dl_find_object. libgcc_eh reads eh_frame,
// the address of .eh_frame_hdr.
struct found {
  unsigned long long flags;
  void *map_start;
  void *map_end;
  struct link_map *link_map;
  void *eh_frame;
  unsigned long long reserved[7];
};

struct search {
  uintptr_t pc; // 0: any object will do
  struct found *found;
};

static int look(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  struct search *search = data;
  uintptr_t start = 0, end = 0, eh_frame = 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    uintptr_t at = info->dlpi_addr + p->p_vaddr;
    if (p->p_type == PT_GNU_EH_FRAME) {
      eh_frame = at;
    } else if (p->p_type == PT_LOAD && search->pc - at < p->p_memsz) {
      start = at;
      end = at + p->p_memsz;
    }
  }
  if (eh_frame == 0 || (search->pc != 0 && start == 0)) {
    return 0;
  }
  search->found->map_start = (void *)start;
  search->found->map_end = (void *)end;
  search->found->eh_frame = (void *)eh_frame;
  return 1;
}

// In glibc since 2.35. 0: found; -1: no such object, and a panic aborts.
__attribute__((weak)) int _dl_find_object(void *pc, struct found *found) {
  *found = (struct found){0};
  struct search search = {(uintptr_t)pc, found};
  return dl_iterate_phdr(look, &search) ? 0 : -1;
}

int musl_can_unwind(void) {
  struct found found = {0};
  struct search search = {0, &found};
  return dl_iterate_phdr(look, &search);
}
