/* Option lists that many transfers share. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static uint64_t last_id;

acurl_profile *acurl_profile_new(void) {
  acurl_profile *profile = calloc(1, sizeof *profile);
  if(!profile)
    return NULL;
  profile->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
  profile->holds = 1;
  return profile;
}

static struct profile_option *add(acurl_profile *profile) {
  size_t size = (size_t)(profile->count + 1) * sizeof *profile->options;
  struct profile_option *options = realloc(profile->options, size);
  if(!options)
    return NULL;
  profile->options = options;
  return &options[profile->count];
}

int acurl_profile_set_long(acurl_profile *profile, int option, int64_t value) {
  struct profile_option *slot = add(profile);
  if(!slot)
    return ACURL_ENOMEM;
  *slot = (struct profile_option){.option = option, .number = value};
  profile->count++;
  return ACURL_OK;
}

int acurl_profile_set_text(acurl_profile *profile, int option, const char *value) {
  struct profile_option *slot = add(profile);
  char *text = value ? strdup(value) : NULL;
  if(!slot || (value && !text)) {
    free(text);
    return ACURL_ENOMEM;
  }
  *slot = (struct profile_option){.option = option, .is_text = true, .text = text};
  profile->count++;
  return ACURL_OK;
}

int acurl_profile_set_list(acurl_profile *profile, int option, const char *lines, int64_t len) {
  struct profile_option *slot = add(profile);
  void *block = malloc(lines_size(lines, (size_t)len) + 1);
  if(!slot || !block) {
    free(block);
    return ACURL_ENOMEM;
  }
  *slot = (struct profile_option){.option = option, .block = block};
  slot->list = lines_link(block, lines, (size_t)len);
  profile->has_list = true;
  profile->count++;
  return ACURL_OK;
}

void acurl_profile_set_limits(acurl_profile *profile, int64_t read_us, int64_t write_us,
                              int64_t pool_us) {
  profile->pool_limit = nanoseconds(pool_us);
  profile->read_limit = nanoseconds(read_us);
  profile->write_limit = nanoseconds(write_us);
}

void acurl_profile_set_flags(acurl_profile *profile, int flags) {
  profile->flags = flags;
}

void acurl_profile_set_body_limit(acurl_profile *profile, int64_t bytes) {
  profile->body_limit = bytes;
}

void profile_hold(acurl_profile *profile) {
  __atomic_add_fetch(&profile->holds, 1, __ATOMIC_RELAXED);
}

void acurl_profile_free(acurl_profile *profile) {
  if(!profile || __atomic_sub_fetch(&profile->holds, 1, __ATOMIC_ACQ_REL))
    return;
  for(int i = 0; i < profile->count; i++) {
    free(profile->options[i].text);
    free(profile->options[i].block);
  }
  free(profile->options);
  free(profile);
}
