/* The transfers that have a deadline, in a binary heap, earliest first. */
#include "internal.h"

#include <stdlib.h>

static void place(acurl_engine *engine, size_t index, struct transfer *transfer) {
  engine->heap[index] = transfer;
  transfer->heap_index = index;
}

static void sift_up(acurl_engine *engine, size_t index, struct transfer *transfer) {
  while(index > 0) {
    size_t parent = (index - 1) / 2;
    if(engine->heap[parent]->deadline <= transfer->deadline)
      break;
    place(engine, index, engine->heap[parent]);
    index = parent;
  }
  place(engine, index, transfer);
}

static void sift_down(acurl_engine *engine, size_t index, struct transfer *transfer) {
  for(;;) {
    size_t child = 2 * index + 1;
    if(child >= engine->heap_len)
      break;
    if(child + 1 < engine->heap_len &&
       engine->heap[child + 1]->deadline < engine->heap[child]->deadline)
      child++;
    if(transfer->deadline <= engine->heap[child]->deadline)
      break;
    place(engine, index, engine->heap[child]);
    index = child;
  }
  place(engine, index, transfer);
}

bool deadline_reserve(acurl_engine *engine) {
  if((size_t)engine->in_flight < engine->heap_cap)
    return true;
  size_t cap = engine->heap_cap ? engine->heap_cap * 2 : 64;
  struct transfer **heap = realloc(engine->heap, cap * sizeof *heap);
  if(!heap)
    return false;
  engine->heap = heap;
  engine->heap_cap = cap;
  return true;
}

void deadline_add(acurl_engine *engine, struct transfer *transfer) {
  sift_up(engine, engine->heap_len++, transfer);
}

void deadline_drop(acurl_engine *engine, struct transfer *transfer) {
  size_t index = transfer->heap_index;
  if(index == SIZE_MAX)
    return;
  transfer->heap_index = SIZE_MAX;
  struct transfer *last = engine->heap[--engine->heap_len];
  if(last == transfer)
    return;
  if(index > 0 && last->deadline < engine->heap[(index - 1) / 2]->deadline)
    sift_up(engine, index, last);
  else
    sift_down(engine, index, last);
}

int64_t deadline_first(const acurl_engine *engine) {
  return engine->heap_len ? engine->heap[0]->deadline : NEVER;
}
