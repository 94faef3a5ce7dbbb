/* The half of the stand-in that plays connections and answers: the multi, mime parts, pauses. */
#ifndef FUZZ_ANSWERS_H
#define FUZZ_ANSWERS_H

#include "understudy.h"

/* One part of a multipart body. */
struct part {
  size_t (*read)(char *, size_t, size_t, void *);
  int (*seek)(void *, int64_t, int);
  void *context;
  int64_t size;
  char name[16];
};

struct mime {
  struct part parts[4];
  int count;
};

void answers_install(void);
/* parts.c */
void parts_install(void);
void answers_start(void);
/* Takes a handle out of the multi. */
void answers_leave(struct easy *easy);
int64_t answers_figure(const struct easy *easy, int info);

#endif
