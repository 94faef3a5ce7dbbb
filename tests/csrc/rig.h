/* An engine and an target in one thread, and what the engine's transfers came to.
 *
 * The rig drives as Python does: only when the engine's descriptor is readable. A wake-up that the
 * engine forgets to plan therefore shows as a test that waits in vain. */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include "check.h"
#include "internal.h"
#include "target.h"

struct outcome {
  int noticed; /* ACURL_FLAG_* of the notices before the last record */
  int heads;   /* records with ACURL_FLAG_HEAD */
  int status;  /* what the last of these said */
  bool done;
  int flags;
  acurl_record record;
  char *header; /* texts end with a NUL; NULL until done */
  char *ip;
  char *redirect;
  char *cookies;
  char *error;
  char *body; /* NULL when the engine gave it as a held block */
  char *held;
};

struct rig {
  acurl_engine *engine;
  acurl_profile *profile;
  struct target *target;
  struct outcome *outcomes; /* by slot */
  int outcome_cap;
  int finished;
  int drives;
};

/* All zero but path is a GET without headers, body, jar or limit. */
struct request {
  const char *path; /* or a whole URL */
  const char *method;
  const char *headers;
  size_t headers_len;
  const char *body;
  int64_t body_len;
  acurl_jar *jar;
  int lane;
  int64_t total_us;
  acurl_profile *profile; /* NULL: the rig's */
  const acurl_extras *extras;
};

/* Binds libcurl to the program's first argument. */
void rig_bind(int argc, char **argv);
/* Options all zero give the engine generous ones. */
void rig_open(struct rig *rig, acurl_engine_options options);
void rig_close(struct rig *rig);

/* What acurl_submit said. Nothing is started yet. */
int rig_submit(struct rig *rig, const struct request *request);
/* Takes over what a kick or drive by the test itself has finished. */
void rig_take(struct rig *rig, int count);
/* Starts what was submitted. */
void rig_kick(struct rig *rig);
/* Waits up to so many milliseconds for something to do, and does it. */
void rig_step(struct rig *rig, int milliseconds);
/* Steps for about so long. */
void rig_run(struct rig *rig, int milliseconds);
/* Steps until so many transfers have finished, ten seconds at most. */
void rig_until_finished(struct rig *rig, int count);
/* Submits, starts and waits for the outcome, valid until the slot finishes again. */
struct outcome *rig_fetch(struct rig *rig, const struct request *request);
acurl_counters rig_counters(struct rig *rig);

#define SUBMIT(rig, ...) rig_submit(rig, &(struct request){__VA_ARGS__})
#define FETCH(rig, ...) rig_fetch(rig, &(struct request){__VA_ARGS__})

#endif
