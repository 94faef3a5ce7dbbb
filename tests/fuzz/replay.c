/* Runs inputs that are kept through a fuzz target, without a fuzzer: each argument is a file. */
#include "../csrc/check.h"

#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const char *path) {
  static uint8_t data[1 << 20];
  FILE *file = fopen(path, "rb");
  CHECK(file);
  size_t size = fread(data, 1, sizeof data, file);
  CHECK(size < sizeof data);
  fclose(file);
  uint8_t *exact = malloc(size + 1); /* a look beyond it is seen */
  CHECK(exact);
  memcpy(exact, data, size);
  LLVMFuzzerTestOneInput(exact, size);
  free(exact);
}

int main(int argc, char **argv) {
  LLVMFuzzerInitialize(&argc, &argv);
  for(int i = 1; i < argc; i++) {
    fprintf(stderr, "%s\n", argv[i]); /* the last one named is the one that failed */
    run(argv[i]);
  }
  printf("%d inputs\n", argc - 1);
  return argc > 1 ? 0 : 1;
}
