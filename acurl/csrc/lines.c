/* Lines, each ended by a NUL, as a curl_slist whose nodes and texts are one block. */
#include "internal.h"

#include <string.h>

size_t lines_count(const char *lines, size_t len) {
  size_t count = 0;
  for(size_t i = 0; i < len; i++)
    count += lines[i] == '\0';
  return count;
}

size_t lines_size(const char *lines, size_t len) {
  return lines_count(lines, len) * sizeof(struct curl_slist) + len;
}

struct curl_slist *lines_link(void *block, const char *lines, size_t len) {
  size_t count = lines_count(lines, len);
  struct curl_slist *nodes = block;
  char *text = (char *)block + count * sizeof *nodes;
  memcpy(text, lines, len);
  for(size_t i = 0; i < count; i++) {
    nodes[i].data = text;
    nodes[i].next = i + 1 < count ? &nodes[i + 1] : NULL;
    text += strlen(text) + 1;
  }
  return count ? nodes : NULL;
}
