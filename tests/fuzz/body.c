/* Bodies that tell whose they are, and how far into them one is. */
#include "understudy.h"

#include <string.h>

/* A prime, so that pieces never lie on it twice in the same way. */
#define PERIOD 65521

static const char *pattern(void) {
  static char bytes[PERIOD];
  for(int i = 0; i < PERIOD && !bytes[PERIOD - 1]; i++)
    bytes[i] = (char)('!' + (i + i / 251) % 90);
  return bytes;
}

/* How many bytes of the pattern follow in one piece. */
static size_t piece_at(int serial, int64_t offset, size_t len, const char **bytes) {
  size_t at = (size_t)(offset + serial * 1009) % PERIOD;
  *bytes = pattern() + at;
  return len < PERIOD - at ? len : PERIOD - at;
}

void body_fill(int serial, int64_t offset, char *into, size_t len) {
  while(len) {
    const char *bytes;
    size_t count = piece_at(serial, offset, len, &bytes);
    memcpy(into, bytes, count);
    into += count;
    offset += (int64_t)count;
    len -= count;
  }
}

bool body_is(int serial, int64_t offset, const char *data, size_t len) {
  while(len) {
    const char *bytes;
    size_t count = piece_at(serial, offset, len, &bytes);
    if(memcmp(data, bytes, count))
      return false;
    data += count;
    offset += (int64_t)count;
    len -= count;
  }
  return true;
}
