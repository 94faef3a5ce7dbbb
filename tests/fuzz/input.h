/* What the fuzzer gives, taken byte by byte. At its end all is zero. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void input_start(const uint8_t *data, size_t size);
bool input_ended(void);
uint8_t input_byte(void);
/* 0 to most, from one byte, or two if most is above 255. */
int input_upto(int most);
/* Takes up to len bytes as they lie; *got is how many there were. */
const char *input_bytes(size_t len, size_t *got);

#endif
