/* What the engine knows of connections: the descriptors they are, the origins
 * they lead to, the lanes that hold them, and who waits for one. Included by
 * internal.h. docs/engine.md explains admission and eviction. */
#ifndef ACURL_POOL_H
#define ACURL_POOL_H

#define MOST_CONNECTS (1 << 20)

struct transfer;
struct origin;

/* Transfers in order of arrival. */
struct fifo {
  struct transfer *head;
  struct transfer *tail;
  int len;
};

/* Neighbours in a chain, by descriptor; -1 none. */
struct link {
  int next; /* towards the more recent */
  int prev;
};

struct chain {
  int oldest; /* -1 none */
  int newest;
  int count;
};

/* What the engine knows of a descriptor number. All zero: nothing. */
struct descriptor {
  uint8_t mask;     /* CURL_POLL_* bits registered in epoll */
  uint8_t refused;  /* bits that epoll refused to register */
  bool parked;      /* registered although libcurl took it off */
  bool opened;      /* a connection's socket, opened by us */
  bool multiplexed; /* HTTP/2 or 3: the server may speak unasked */
  bool plain;       /* HTTP/1 */
  bool ready;       /* multiplexed, and the server's own limit is known */
  bool datagram;    /* UDP: there is nothing to shut down */
  bool owned;       /* by one user's jar */
  bool single_use;  /* of a request that wanted its own */
  bool leaving;     /* ended, though libcurl may not have closed it */
  bool overdue;     /* older than a connection may be */
  int8_t reason;    /* ACURL_CLOSED_* plus 1, if it is known before the end */
  uint8_t lane;
  uint8_t list;     /* which of the engine's lists it is in */
  int held;         /* by so many transfers that wait for their users */
  uint32_t birth;   /* tells sockets of the same number apart */
  int64_t since;    /* when it came into its list */
  uint32_t pass;    /* in which of the engine's passes */
  int64_t born;
  struct origin *origin; /* NULL when memory ran out for it */
  struct link by_list;
  struct link by_host; /* of idle ones of one origin */
  struct link by_age;
};

/* Lists of connections, by how long nothing has happened on them. */
enum {
  IN_NO_LIST,
  IDLE_SHARED, /* anybody may use it next */
  IDLE_OWNED,  /* it waits for its own user */
  SILENT,      /* a transfer waits on it, and it may be HTTP/2 or 3 */
  CONNECTION_LISTS
};

/* A multi: transfers of different lanes never meet. */
struct lane {
  acurl_engine *engine;
  CURLM *multi;
  CURL *admin;   /* libcurl's own handle, once it has shown itself; never to be used */
  CURL *janitor; /* NULL until needed */
  int number;
  bool has_new;  /* transfers were added that it has not run yet */
  int running;   /* transfers that the multi holds */
  int unsettled; /* of these, maybe with a connection that has no socket yet */
  int sockets;   /* not closed by libcurl */
  int64_t curl_deadline; /* when libcurl wants socket_action(TIMEOUT) */
};

enum protocol {
  PROTOCOL_UNKNOWN,  /* one transfer at a time finds out */
  PROTOCOL_SINGLE,   /* a connection carries one transfer */
  PROTOCOL_MULTIPLEX /* a connection carries many */
};

/* A scheme, host and port in one lane. It lives while a transfer or a connection
 * names it, or while another lane's origin does. */
struct origin {
  struct lane *lane;
  struct origin *root;  /* of the same host in lane 0, where that is another one */
  struct origin *chain; /* in its bucket */
  uint32_t hash;
  int holds;
  enum protocol protocol;
  bool in_ring;         /* transfers wait for it */
  struct origin *ring_next;
  struct origin *ring_prev;
  struct fifo queue;    /* wait for a connection */
  struct fifo starting; /* were given to libcurl in this pass and did not begin yet */
  int running;
  uint32_t answers;     /* of HTTP/2 and 3 that have begun */
  int64_t opening_since; /* since when no opener has got on; 0: none tries */
  int64_t distrusted_until; /* nobody waits for an opener until then */
  struct transfer *opener; /* of these, the one that may open a connection for all */
  int open;             /* connections that have not ended */
  int idle;             /* of these, unused */
  int ready;            /* of these, multiplexed with known limits */
  int sockets;          /* not closed by libcurl */
  int sockets_all;      /* of a root: of all lanes */
  int stream_limit;     /* as the server shows it; 0 not known */
  int busy;             /* connections that are taken, as counted in busy_all */
  int busy_all;         /* of a root: of all lanes */
  struct chain idle_chain; /* of a root: idle connections, the most recent last */
  struct origin *crowded_next; /* among roots with too many idle connections */
  bool is_crowded;
  const char *url;      /* scheme, host, port: within key */
  char key[];
};

/* lane.c */
/* The lane of a number, made when first asked for; NULL when memory ran out. */
struct lane *lane_of(acurl_engine *engine, int number);
/* Its multi must hold no transfer any more. */
void lane_free(struct lane *lane);
/* Tells libcurl the limits of the engine. */
CURLMcode lane_set_limits(struct lane *lane);
/* While the lane runs next it may open no more connections than all lanes together
 * have left, and than the origin has. False when it may open none and has none. */
bool lane_guard(struct lane *lane, struct origin *origin);
/* Has libcurl look for connections that have ended. */
void lane_look(struct lane *lane);
/* Has libcurl close idle connections, the least recently used first, of one
 * origin or of all. It may close fewer than asked. */
void lane_evict(struct lane *lane, struct origin *origin, int count, int reason);
/* No connection of this lane serves a new request. */
void lane_retire(struct lane *lane);
/* The transfer has a socket, or has begun to send. */
void lane_settle(struct transfer *transfer);

/* fifo.c */
void fifo_push(struct fifo *fifo, struct transfer *transfer);
void fifo_push_front(struct fifo *fifo, struct transfer *transfer);
/* Takes it out of the one it is in, if any. */
void fifo_drop(struct transfer *transfer);

/* origin.c */
/* The origin of a URL in a lane, held; NULL when memory ran out. */
struct origin *origin_hold(struct lane *lane, const char *url, int flags, bool owned);
void origin_drop(struct origin *origin);
static inline struct origin *origin_root(struct origin *origin) {
  return origin->root ? origin->root : origin;
}
/* To be called after each change of what the origin counts. */
void origin_account(struct origin *origin);
/* Its connections carry one transfer each, or many. */
void origin_speaks(struct origin *origin, bool multiplexed);

/* admission.c */
/* Whether there is a ceiling. */
bool admission_needed(const acurl_engine *engine);
/* Notes which origin the transfer is for, if it may have to wait there. False when
 * memory ran out. */
bool admission_enter(struct transfer *transfer, acurl_profile *profile, const char *url);
/* Starts those that may run. */
void admission_run(acurl_engine *engine, int64_t until);
/* It ends with an error: for some time nobody waits for an opener. */
void admission_failed(struct transfer *transfer);
/* The transfer has left libcurl, or the queue. */
void admission_leave(struct transfer *transfer);
/* After a change of the limits. False when memory ran out: nothing changed then. */
bool admission_switch(acurl_engine *engine);
/* It waits at its origin. */
void admission_wait(struct transfer *transfer);
/* It waits no more. */
void admission_unwait(struct transfer *transfer);
/* libcurl has been given it. */
void admission_started(struct transfer *transfer);
/* It has opened a connection, which the others had better wait for. */
void admission_opens(struct transfer *transfer);
/* Nobody has to wait any more for what it finds out. */
void admission_opened(struct transfer *transfer);

/* chain.c: connections in order, linked through one of their links. */
void chain_init(struct chain *chain);
void chain_add(acurl_engine *engine, struct chain *chain, int fd, size_t link);
void chain_drop(acurl_engine *engine, struct chain *chain, int fd, size_t link);
#define CHAIN_ADD(engine, chain, fd, field) \
  chain_add(engine, chain, fd, offsetof(struct descriptor, field))
#define CHAIN_DROP(engine, chain, fd, field) \
  chain_drop(engine, chain, fd, offsetof(struct descriptor, field))

/* connection.c */
void connections_open(acurl_engine *engine);
/* A transfer has opened it; its entry in the table is there. */
void connection_born(struct transfer *transfer, int fd, bool datagram);
/* libcurl closes it, or says goodbye on it. Harmless twice. */
void connection_gone(acurl_engine *engine, int fd);
/* Nobody uses it now. */
void connection_idle(acurl_engine *engine, int fd);
/* Something came on it, and transfers go on waiting. */
void connection_heard(acurl_engine *engine, int fd);
/* It is in use, or gone. */
void connection_leave(acurl_engine *engine, int fd);
/* The server's own limit of streams on it is known. */
void connection_ready(acurl_engine *engine, int fd);
/* Ends an idle connection, so that the server sees it at once. */
void connection_end(acurl_engine *engine, int fd, int reason);
/* Ends and looks at what has been in a list for too long. May finish transfers. */
void connections_sweep(acurl_engine *engine);
/* Notes when that is due next. */
void connections_plan(acurl_engine *engine);
int connections_idle(const acurl_engine *engine);
/* After a change of the limits. */
void connections_recount(acurl_engine *engine);
int connections_in_use(const acurl_engine *engine);
/* One of the ends that nobody has explained yet was for this reason. */
void connection_explain(acurl_engine *engine, int reason);
/* The rest of them were the server's wish. */
void connections_explain_rest(acurl_engine *engine);

#endif
