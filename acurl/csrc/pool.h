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
  long maxconnects_set;
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
  struct transfer *opener; /* of these, the one that may open a connection for all */
  int open;             /* connections that have not ended */
  int idle;             /* of these, unused */
  int ready;            /* of these, multiplexed with known limits */
  int sockets;          /* not closed by libcurl */
  int stream_limit;     /* as the server shows it; 0 not known */
  int busy;             /* connections that are taken, as counted in busy_all */
  int busy_all;         /* of a root: of all lanes */
  struct chain idle_chain; /* of a root: idle connections, the most recent last */
  struct origin *crowded_next; /* among roots with too many idle connections */
  bool is_crowded;
  const char *url;      /* scheme, host, port: within key */
  char key[];
};

#endif
