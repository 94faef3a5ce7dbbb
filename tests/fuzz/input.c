/* The fuzzer's bytes. */
#include "input.h"

static const uint8_t *rest;
static size_t left;

void input_start(const uint8_t *data, size_t size) {
  rest = data;
  left = size;
}

bool input_ended(void) {
  return !left;
}

uint8_t input_byte(void) {
  if(!left)
    return 0;
  left--;
  return *rest++;
}

int input_upto(int most) {
  int value = input_byte();
  if(most > 255)
    value = value * 256 + input_byte();
  return value % (most + 1);
}

const char *input_bytes(size_t len, size_t *got) {
  const char *bytes = (const char *)rest;
  *got = len < left ? len : left;
  rest += *got;
  left -= *got;
  return bytes;
}
