/* A tiny HTTP/1.1 server in the test's own thread: it works only while origin_step() runs, so a
 * test knows at every moment what has happened and what has not. */
#ifndef TESTS_ORIGIN_H
#define TESTS_ORIGIN_H

#include <stdint.h>

/* Paths, each with any query:
 *   /echo          head and body of the request, as they came
 *   /bytes/N       N bytes              /claims/N     claims N bytes of body, sends none, waits
 *   /head/N        N bytes of headers   /early/N      N answers 103, then a good one
 *   /cookie        sets a=1, whole site /redirect     302 to /echo
 *   /trailers/N    N bytes of chunked body, then a trailer that looks like a cookie
 *   /silent        never answers        /deaf         reads no further once the head has come
 *   /odd           has a header that looks like a status line
 *   /close         answers, then closes /die          closes without an answer
 *   anything else  404                                                                     */
struct origin;

struct origin *origin_start(void);
/* Closes all connections and frees it. */
void origin_stop(struct origin *origin);
/* Readable when origin_step() has something to do. */
int origin_fd(const struct origin *origin);
void origin_step(struct origin *origin);
/* Closes the connections, as a server does that restarts; it goes on listening. */
void origin_drop_connections(struct origin *origin);
/* Sends bytes on every open connection, asked for or not. */
void origin_push(struct origin *origin, const char *text);

int origin_port(const struct origin *origin);
int origin_accepted(const struct origin *origin);
int origin_open(const struct origin *origin);
int origin_requests(const struct origin *origin);

#endif
