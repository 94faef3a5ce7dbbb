/* A growable block of bytes. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static bool grow_small(struct buffer *buffer, size_t cap) {
  char *data = realloc(buffer->data, cap);
  if(!data)
    return false;
  buffer->data = data;
  buffer->cap = cap;
  return true;
}

static bool grow_large(struct buffer *buffer, size_t cap) {
  size_t len = buffer->len;
  char *data = block_take(cap, &cap);
  if(!data)
    return false;
  if(len)
    memcpy(data, buffer->data, len);
  buffer_free(buffer);
  *buffer = (struct buffer){.data = data, .len = len, .cap = cap};
  return true;
}

bool buffer_reserve(struct buffer *buffer, size_t extra) {
  if(extra <= buffer->cap - buffer->len)
    return true;
  if(extra > SIZE_MAX / 2 - buffer->len)
    return false;
  size_t want = buffer->len + extra;
  size_t cap = buffer->cap ? buffer->cap : 256;
  while(cap < want)
    cap *= 2;
  return cap < BLOCK_MIN ? grow_small(buffer, cap) : grow_large(buffer, cap);
}

bool buffer_append(struct buffer *buffer, const void *data, size_t len) {
  if(!buffer_reserve(buffer, len))
    return false;
  if(len)
    memcpy(buffer->data + buffer->len, data, len);
  buffer->len += len;
  return true;
}

void buffer_reset(struct buffer *buffer, size_t keep) {
  if(buffer->cap > keep)
    buffer_free(buffer);
  buffer->len = 0;
}

void buffer_free(struct buffer *buffer) {
  if(buffer->cap >= BLOCK_MIN)
    block_give(buffer->data);
  else
    free(buffer->data);
  *buffer = (struct buffer){0};
}
