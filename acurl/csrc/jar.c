/* Cookie jars: one CURLSH per user that holds cookies. libcurl does all of the
 * cookie work; Netscape lines, which carry host and path, are the only form in
 * which cookies cross from one place to another. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* The easy handle that reads and writes jars, bound to this one. */
static CURL *clerk_for(acurl_engine *engine, CURLSH *share) {
  if(!engine->clerk) {
    engine->clerk = libcurl.easy_init();
    if(!engine->clerk)
      return NULL;
  }
  if(libcurl.easy_setopt(engine->clerk, CURLOPT_SHARE, share))
    return NULL;
  return engine->clerk;
}

static void clerk_leave(acurl_engine *engine) {
  if(!libcurl.easy_setopt(engine->clerk, CURLOPT_SHARE, NULL))
    return;
  libcurl.easy_cleanup(engine->clerk); /* it must not look into another user's jar */
  engine->clerk = NULL;
}

/* A ticket of TLS would tell the server that two users are one, so those are
 * kept apart with the connections. A share with connections calls back into the
 * engine when it is cleaned up, so the engine has to know it. */
static bool own_connections(acurl_engine *engine, acurl_jar *jar) {
  if(libcurl.share_setopt(jar->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) ||
     libcurl.share_setopt(jar->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION))
    return false;
  jar->owner = ++engine->last_owner;
  jar->engine = engine;
  jar->next = engine->owners;
  if(jar->next)
    jar->next->prev = jar;
  engine->owners = jar;
  return true;
}

acurl_jar *acurl_jar_new(acurl_engine *engine, int owns_connections) {
  if(engine_check(engine))
    return NULL;
  acurl_jar *jar = calloc(1, sizeof *jar);
  if(!jar)
    return NULL;
  jar->holds = 1;
  jar->share = libcurl.share_init();
  if(!jar->share || libcurl.share_setopt(jar->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE) ||
     (owns_connections && !own_connections(engine, jar))) {
    jar_drop(jar);
    return NULL;
  }
  return jar;
}

static void disown(acurl_jar *jar) {
  if(!jar->owner)
    return;
  if(jar->prev)
    jar->prev->next = jar->next;
  else
    jar->engine->owners = jar->next;
  if(jar->next)
    jar->next->prev = jar->prev;
  jar->owner = 0;
}

void jars_disown(acurl_engine *engine) {
  while(engine->owners) {
    acurl_jar *jar = engine->owners;
    disown(jar);
    libcurl.share_cleanup(jar->share);
    jar->share = NULL;
  }
}

void jar_hold(acurl_jar *jar) {
  jar->holds++;
}

void jar_drop(acurl_jar *jar) {
  if(--jar->holds)
    return;
  disown(jar);
  if(jar->share)
    libcurl.share_cleanup(jar->share);
  free(jar);
}

int acurl_jar_release(acurl_engine *engine, acurl_jar *jar) {
  /* A closed engine has dropped its transfers' holds, and the jar is its own
   * allocation: releasing it stays possible. */
  if(engine) {
    int result = engine_check(engine);
    if(result)
      return result;
  }
  jar_drop(jar);
  return ACURL_OK;
}

static int jar_order(acurl_engine *engine, acurl_jar *jar, const char *order) {
  int result = engine_check(engine);
  if(result)
    return result;
  CURL *clerk = clerk_for(engine, jar->share);
  if(!clerk)
    return ACURL_ENOMEM;
  CURLcode code = libcurl.easy_setopt(clerk, CURLOPT_COOKIELIST, order);
  clerk_leave(engine);
  if(code == CURLE_OUT_OF_MEMORY)
    return ACURL_ENOMEM;
  return code ? ACURL_EARGUMENT : ACURL_OK;
}

int acurl_jar_add(acurl_engine *engine, acurl_jar *jar, const char *netscape_line) {
  return jar_order(engine, jar, netscape_line);
}

int acurl_jar_clear(acurl_engine *engine, acurl_jar *jar) {
  return jar_order(engine, jar, "ALL");
}

bool jar_dump(CURL *easy, struct buffer *out) {
  struct curl_slist *lines = NULL;
  if(libcurl.easy_getinfo(easy, CURLINFO_COOKIELIST, &lines))
    return false;
  bool good = true;
  for(struct curl_slist *line = lines; line && good; line = line->next)
    good = buffer_append(out, line->data, strlen(line->data)) && buffer_append(out, "\n", 1);
  libcurl.slist_free_all(lines);
  return good;
}

bool jar_holds_any(CURL *easy) {
  struct curl_slist *lines = NULL;
  if(libcurl.easy_getinfo(easy, CURLINFO_COOKIELIST, &lines))
    return true;
  bool any = lines != NULL;
  libcurl.slist_free_all(lines);
  return any;
}

int acurl_jar_list(acurl_engine *engine, acurl_jar *jar) {
  int result = engine_check(engine);
  if(result)
    return result;
  CURL *clerk = clerk_for(engine, jar->share);
  if(!clerk)
    return ACURL_ENOMEM;
  batch_clear(engine);
  bool good = jar_dump(clerk, &engine->batch_bytes);
  clerk_leave(engine);
  engine->batch.bytes = engine->batch_bytes.data;
  engine->batch.size = (int32_t)engine->batch_bytes.len;
  return good ? engine->batch.size : ACURL_ENOMEM;
}
