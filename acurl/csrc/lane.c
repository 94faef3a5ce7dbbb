/* A lane is a multi of libcurl: the transfers in it may share connections, those
 * of different lanes never do.
 *
 * Eviction. libcurl closes no idle connection when asked to: only a transfer
 * that needs a connection beyond a limit makes it close some, the least recently
 * used first, properly and at once. So there is a janitor, an easy handle that
 * asks for a connection under a limit made for the occasion, and is refused the
 * socket. */
#define _GNU_SOURCE
#include "internal.h"

#include <stdlib.h>

/* One name server that does not answer must not hold up the names of others. */
#define MAX_RESOLVERS 128L
#define NOWHERE "http://127.0.0.1:1/"

static CURLMcode set_number(struct lane *lane, int option, int64_t value) {
  return libcurl.multi_setopt(lane->multi, option, (long)value);
}

static int64_t or_none(int64_t limit) {
  return limit > 0 && limit < MOST_CONNECTS ? limit : 0;
}

/* Admission keeps the limits. libcurl is told them so that it makes room by
 * itself when a connection is to be opened beside idle ones. */
CURLMcode lane_set_limits(struct lane *lane) {
  const acurl_engine_options *options = &lane->engine->options;
  CURLMcode code = set_number(lane, CURLMOPT_MAX_CONCURRENT_STREAMS, options->max_streams);
  if(!code)
    code = set_number(lane, CURLMOPT_MAX_TOTAL_CONNECTIONS, or_none(options->max_connections));
  if(!code)
    code = set_number(lane, CURLMOPT_MAX_HOST_CONNECTIONS, or_none(options->max_host_connections));
  return code;
}

static struct lane *lane_make(acurl_engine *engine, int number) {
  struct lane *lane = calloc(1, sizeof *lane);
  if(!lane)
    return NULL;
  lane->engine = engine;
  lane->number = number;
  lane->curl_deadline = NEVER;
  lane->multi = libcurl.multi_init();
  if(!lane->multi || lane_set_limits(lane) || events_watch_multi(lane)) {
    lane_free(lane);
    return NULL;
  }
  /* libcurl counts busy connections against this, too: any figure would cost busy
   * users theirs. What is idle for too long is evicted. */
  set_number(lane, CURLMOPT_MAXCONNECTS, MOST_CONNECTS);
  /* Closing must not wait for names being looked up. Not known before 8.20. */
  set_number(lane, CURLMOPT_QUICK_EXIT, 1);
  set_number(lane, CURLMOPT_RESOLVE_THREADS_MAX, MAX_RESOLVERS);
  return lane;
}

struct lane *lane_of(acurl_engine *engine, int number) {
  if(!engine->lanes[number]) {
    engine->lanes[number] = lane_make(engine, number);
    if(number >= engine->lane_count && engine->lanes[number])
      engine->lane_count = number + 1;
  }
  return engine->lanes[number];
}

void lane_free(struct lane *lane) {
  if(lane->janitor)
    libcurl.easy_cleanup(lane->janitor);
  if(lane->multi) {
    lane_retire(lane); /* else HTTP/3 servers are not told, and keep their side */
    libcurl.multi_cleanup(lane->multi);
  }
  free(lane);
}

/* Not known before 8.16. */
void lane_retire(struct lane *lane) {
  libcurl.multi_setopt(lane->multi, CURLMOPT_NETWORK_CHANGED, CURLMNWC_CLEAR_CONNS);
}

void lane_settle(struct transfer *transfer) {
  if(transfer->settled)
    return;
  transfer->settled = true;
  transfer->lane->unsettled--;
  fifo_drop(transfer); /* it is not among those that are starting */
}

static int refuse_socket(void *context, int purpose, struct curl_address *address) {
  (void)context, (void)purpose, (void)address;
  return CURL_SOCKET_BAD;
}

static bool janitor_prepare(struct lane *lane, const char *url) {
  if(!lane->janitor)
    lane->janitor = libcurl.easy_init();
  CURL *janitor = lane->janitor;
  return janitor && !set_text(janitor, CURLOPT_URL, url) &&
         !set_text(janitor, CURLOPT_PROXY, "") && !set_long(janitor, CURLOPT_NOSIGNAL, 1) &&
         !set_long(janitor, CURLOPT_FRESH_CONNECT, 1) &&
         !libcurl.easy_setopt(janitor, CURLOPT_OPENSOCKETFUNCTION, refuse_socket) &&
         !libcurl.easy_setopt(janitor, CURLOPT_OPENSOCKETDATA, NULL);
}

static int64_t left_for(int64_t ceiling, int64_t taken, int64_t own) {
  if(or_none(ceiling) == 0)
    return 0;
  return own + (ceiling > taken ? ceiling - taken : 0);
}

static bool is_below(int64_t taken, int64_t ceiling) {
  return or_none(ceiling) == 0 || taken < ceiling;
}

bool lane_guard(struct lane *lane, struct origin *origin) {
  acurl_engine *engine = lane->engine;
  const acurl_engine_options *options = &engine->options;
  int64_t taken = lane->sockets;
  for(int i = 0; i < engine->lane_count; i++)
    if(engine->lanes[i] && engine->lanes[i] != lane)
      taken += engine->lanes[i]->sockets + engine->lanes[i]->unsettled;
  int taken_here = origin_root(origin)->sockets_all;
  /* libcurl would take 0 for no limit. */
  if((!lane->sockets && !is_below(taken, options->max_connections)) ||
     (!origin->sockets && !is_below(taken_here, options->max_host_connections)))
    return false;
  if(set_number(lane, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                left_for(options->max_connections, taken, lane->sockets)) ||
     set_number(lane, CURLMOPT_MAX_HOST_CONNECTIONS,
                left_for(options->max_host_connections, taken_here, origin->sockets)))
    engine->counters.faults++;
  return true;
}

/* Each transfer that needs a connection makes it look, once a second at most. */
void lane_look(struct lane *lane) {
  if(!janitor_prepare(lane, NOWHERE) || set_long(lane->janitor, CURLOPT_FRESH_CONNECT, 0) ||
     libcurl.multi_add_handle(lane->multi, lane->janitor))
    return;
  events_run_lane(lane);
  if(libcurl.multi_remove_handle(lane->multi, lane->janitor))
    lane->engine->counters.faults++;
}

/* Connections without a socket are in libcurl's count, too, and we do not know
 * how many there are: so a few less may be closed than asked for. */
void lane_evict(struct lane *lane, struct origin *origin, int count, int reason) {
  acurl_engine *engine = lane->engine;
  int64_t sockets = origin ? origin->sockets : lane->sockets;
  int64_t limit = sockets + lane->unsettled - count + 1;
  if(count <= 0 || !janitor_prepare(lane, origin ? origin->url : NOWHERE))
    return;
  int option = origin ? CURLMOPT_MAX_HOST_CONNECTIONS : CURLMOPT_MAX_TOTAL_CONNECTIONS;
  if(!set_number(lane, option, limit > 0 ? limit : 1) &&
     !libcurl.multi_add_handle(lane->multi, lane->janitor)) {
    engine->closing = reason + 1;
    events_run_lane(lane);
    engine->closing = 0;
    if(libcurl.multi_remove_handle(lane->multi, lane->janitor))
      engine->counters.faults++;
  }
  if(lane_set_limits(lane))
    engine->counters.faults++;
}
