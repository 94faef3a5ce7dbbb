/* The origins that transfers and connections lead to, in a hash table. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static uint32_t hash_of(const char *key, size_t len) {
  uint32_t hash = 2166136261u;
  for(size_t i = 0; i < len; i++)
    hash = (hash ^ (unsigned char)key[i]) * 16777619u;
  return hash;
}

/* Scheme, host and port of a URL, without user and password. Python gives URLs
 * in one form only, with scheme and host in lower case. */
static size_t authority_of(const char *url, const char **host, size_t *host_len) {
  const char *start = strstr(url, "://");
  if(!start)
    start = url;
  else
    start += 3;
  size_t len = strcspn(start, "/?#");
  *host = start;
  for(size_t i = 0; i < len; i++)
    if(start[i] == '@')
      *host = start + i + 1;
  *host_len = (size_t)(start + len - *host);
  return (size_t)(start - url);
}

/* What keeps connections apart beside the host stands in front of the URL. */
static struct origin *origin_make(struct lane *lane, char kind, const char *url, uint32_t hash) {
  const char *host;
  size_t host_len;
  size_t scheme_len = authority_of(url, &host, &host_len);
  struct origin *origin = calloc(1, sizeof *origin + scheme_len + host_len + 3);
  if(!origin)
    return NULL;
  origin->lane = lane;
  origin->hash = hash;
  chain_init(&origin->idle_chain);
  origin->key[0] = kind;
  memcpy(origin->key + 1, url, scheme_len);
  memcpy(origin->key + 1 + scheme_len, host, host_len);
  origin->key[1 + scheme_len + host_len] = '/';
  origin->url = origin->key + 1;
  return origin;
}

static bool is_of(const struct origin *origin, struct lane *lane, char kind, const char *url,
                  size_t scheme_len, const char *host, size_t host_len) {
  const char *own = origin->key + 1 + scheme_len;
  return origin->lane == lane && origin->key[0] == kind &&
         !strncmp(origin->key + 1, url, scheme_len) && !strncmp(own, host, host_len) &&
         own[host_len] == '/' && !own[host_len + 1];
}

static struct origin *find(struct lane *lane, char kind, const char *url) {
  acurl_engine *engine = lane->engine;
  const char *host;
  size_t host_len;
  size_t scheme_len = authority_of(url, &host, &host_len);
  uint32_t hash = hash_of(host, host_len) + (uint32_t)lane->number * 31 + (uint32_t)scheme_len;
  struct origin **bucket = &engine->origins[hash & (ORIGIN_BUCKETS - 1)];
  for(struct origin *origin = *bucket; origin; origin = origin->chain)
    if(origin->hash == hash && is_of(origin, lane, kind, url, scheme_len, host, host_len))
      return origin;
  struct origin *origin = origin_make(lane, kind, url, hash);
  if(!origin)
    return NULL;
  origin->chain = *bucket;
  *bucket = origin;
  engine->origin_count++;
  return origin;
}

/* A connection of HTTP/1 does not serve who asks for HTTP/2, nor one user's another. */
static char kind_of(int flags, bool owned) {
  return owned ? 'o' : flags & ACURL_PROFILE_MULTIPLEX ? 'm' : 's';
}

struct origin *origin_hold(struct lane *lane, const char *url, int flags, bool owned) {
  acurl_engine *engine = lane->engine;
  char kind = kind_of(flags, owned);
  if(!engine->origins) {
    engine->origins = calloc(ORIGIN_BUCKETS, sizeof *engine->origins);
    if(!engine->origins)
      return NULL;
  }
  struct origin *origin = find(lane, kind, url);
  if(!origin)
    return NULL;
  if(origin->holds++)
    return origin;
  if(kind != 'm')
    origin->protocol = PROTOCOL_SINGLE;
  if(lane->number) {
    origin->root = origin_hold(engine->lanes[0], url, flags, owned);
    if(!origin->root) {
      origin_drop(origin);
      return NULL;
    }
  }
  return origin;
}

static void forget_crowd(acurl_engine *engine, struct origin *origin) {
  if(!origin->is_crowded)
    return;
  struct origin **place = &engine->crowded;
  while(*place != origin)
    place = &(*place)->crowded_next;
  *place = origin->crowded_next;
}

void origin_drop(struct origin *origin) {
  acurl_engine *engine = origin->lane->engine;
  if(--origin->holds)
    return;
  struct origin **place = &engine->origins[origin->hash & (ORIGIN_BUCKETS - 1)];
  while(*place != origin)
    place = &(*place)->chain;
  *place = origin->chain;
  engine->origin_count--;
  forget_crowd(engine, origin);
  struct origin *root = origin->root;
  free(origin);
  if(root)
    origin_drop(root);
}

/* Connections that nobody else can have now. With many transfers on each, those
 * that work are counted, and the one that is being opened; but what was started
 * on idle ones in this pass does not show in them yet. */
static int busy_now(const struct origin *origin) {
  if(origin->protocol != PROTOCOL_MULTIPLEX)
    return origin->running;
  int64_t limit = origin_streams(origin);
  int needed = (int)((origin->running + limit - 1) / limit);
  int taken = origin->open - origin->idle + (origin->opener && !origin->opener->settled);
  return taken > needed ? taken : needed;
}

void origin_account(struct origin *origin) {
  acurl_engine *engine = origin->lane->engine;
  int change = busy_now(origin) - origin->busy;
  engine->stirred |= change < 0;
  origin->busy += change;
  origin_root(origin)->busy_all += change;
  engine->busy += change;
}

void origin_speaks(struct origin *origin, bool multiplexed) {
  if(origin->key[0] != 'm')
    return;
  origin->protocol = multiplexed ? PROTOCOL_MULTIPLEX : PROTOCOL_SINGLE;
  if(!multiplexed)
    origin->opening_since = 0;
  if(!multiplexed && origin->opener)
    admission_opened(origin->opener);
  origin_account(origin);
  origin->lane->engine->stirred = true;
}
