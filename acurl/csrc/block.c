/* Large blocks of memory, kept for reuse across the process.
 *
 * A body of a megabyte in fresh memory costs 256 page faults, about as much as
 * receiving it. Blocks come in powers of two; a bounded number is kept. They
 * may be given back from any thread, since Python's finalisers do. */
#include "internal.h"

#include <pthread.h>
#include <stdlib.h>

#define SMALLEST_CLASS 15 /* 32 KiB, as BLOCK_MIN says */
#define LARGEST_CLASS 23  /* 8 MiB */
#define MAX_KEPT (32u << 20)

struct block {
  struct block *next; /* while kept */
  size_t class;       /* log2 of the size; above LARGEST_CLASS never kept */
};

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static struct block *kept[LARGEST_CLASS + 1];
static size_t kept_bytes;

static size_t class_of(size_t size) {
  size_t class = SMALLEST_CLASS;
  while(((size_t)1 << class) < size)
    class ++;
  return class;
}

/* The lock is only tried: in a forked child nobody may be left to release it. */
static struct block *take_kept(size_t class) {
  struct block *block = NULL;
  if(class <= LARGEST_CLASS && !pthread_mutex_trylock(&guard)) {
    block = kept[class];
    if(block) {
      kept[class] = block->next;
      kept_bytes -= (size_t)1 << class;
    }
    pthread_mutex_unlock(&guard);
  }
  return block;
}

void *block_take(size_t size, size_t *cap) {
  size_t class = class_of(size);
  struct block *block = take_kept(class);
  if(!block)
    block = malloc(sizeof *block + ((size_t)1 << class));
  if(!block)
    return NULL;
  block->class = class;
  *cap = (size_t)1 << class;
  return block + 1;
}

void block_give(void *data) {
  struct block *block = (struct block *)data - 1;
  size_t size = (size_t)1 << block->class;
  if(block->class <= LARGEST_CLASS && !pthread_mutex_trylock(&guard)) {
    bool keep = kept_bytes + size <= MAX_KEPT;
    if(keep) {
      block->next = kept[block->class];
      kept[block->class] = block;
      kept_bytes += size;
    }
    pthread_mutex_unlock(&guard);
    if(keep)
      return;
  }
  free(block);
}
