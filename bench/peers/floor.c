/* The floor of a cell: closed-loop requests through libcurl's socket interface, from C alone.
 *
 *   floor parked|textbook URL CONCURRENCY SECONDS SIZE
 *
 * Easy handles are set up once and reused; bodies are counted and discarded. "textbook" removes a
 * descriptor from epoll when libcurl lets go of it; "parked" leaves it there and marks it, so that a
 * kept connection costs no epoll_ctl between two requests. Prints one JSON line.
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define WARM_PAUSE 0.3
#define WARM_LIMIT 5.0
#define DRAIN_LIMIT 2.0

enum phase { COLD, WARM, OPEN, DRAINING };

/* What epoll knows of a descriptor: the CURL_POLL mask it is registered with (0: not registered),
 * and whether libcurl has let go of it since. */
struct watch {
  uint8_t mask;
  bool parked;
};

struct user {
  CURL *easy;
  uint64_t bytes;
  bool arrived;
};

struct snapshot {
  double wall, cpu;
  uint64_t good, bad, bytes;
};

static struct {
  CURLM *multi;
  int epoll;
  bool parking;
  struct watch *watches;
  double deadline; /* seconds on the monotonic clock; negative: no timer */
  uint64_t size, good, bad, bytes;
  long arrived, live;
} run;

static double monotonic(void)
{
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
}

static double cpu_seconds(void)
{
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

static void fail(const char *what)
{
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(2);
}

static void *checked(void *memory, const char *what)
{
  if(!memory)
    fail(what);
  return memory;
}

/* Registers, or changes, what epoll watches a descriptor for. A closed descriptor leaves epoll by itself,
 * so the table may be wrong about one whose number came back: the two errnos below set it right. */
static void watch(int fd, struct watch *known, uint8_t mask)
{
  struct epoll_event event = { .data.fd = fd };
  int verb = known->mask ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if(mask & CURL_POLL_IN)
    event.events |= EPOLLIN;
  if(mask & CURL_POLL_OUT)
    event.events |= EPOLLOUT;
  if(epoll_ctl(run.epoll, verb, fd, &event)) {
    if(errno != ENOENT && errno != EEXIST)
      fail("epoll_ctl");
    verb = errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if(epoll_ctl(run.epoll, verb, fd, &event))
      fail("epoll_ctl");
  }
  known->mask = mask;
}

static void unwatch(int fd, struct watch *known)
{
  if(known->mask)
    epoll_ctl(run.epoll, EPOLL_CTL_DEL, fd, &(struct epoll_event){ 0 });
  *known = (struct watch){ 0 };
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
  struct watch *known = &run.watches[fd];
  (void)easy, (void)data, (void)socket_data;
  if(what == CURL_POLL_REMOVE) {
    if(run.parking)
      known->parked = known->mask != 0;
    else
      unwatch(fd, known);
    return 0;
  }
  known->parked = false;
  if(known->mask != (uint8_t)(what & CURL_POLL_INOUT))
    watch(fd, known, (uint8_t)(what & CURL_POLL_INOUT));
  return 0;
}

static int on_timer(CURLM *multi, long milliseconds, void *data)
{
  (void)multi, (void)data;
  run.deadline = milliseconds < 0 ? -1.0 : milliseconds == 0 ? 0.0 : monotonic() + (double)milliseconds * 1e-3;
  return 0;
}

static curl_socket_t on_open(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
  int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  (void)data, (void)purpose;
  if(fd >= 0)
    run.watches[fd] = (struct watch){ 0 };
  return fd;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
  (void)bytes;
  ((struct user *)data)->bytes += size * count;
  return size * count;
}

static void set_up(struct user *user, const char *url)
{
  CURL *easy = user->easy = checked(curl_easy_init(), "curl_easy_init");
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, user);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, user);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
}

static void count(struct user *user, CURLcode result)
{
  long status = 0;
  curl_easy_getinfo(user->easy, CURLINFO_RESPONSE_CODE, &status);
  if(result == CURLE_OK && status == 200 && user->bytes == run.size)
    run.good++;
  else
    run.bad++;
  run.bytes += user->bytes;
  user->bytes = 0;
  if(!user->arrived) {
    user->arrived = true;
    run.arrived++;
  }
}

static void collect(enum phase phase)
{
  CURLMsg *message;
  int left;
  while((message = curl_multi_info_read(run.multi, &left))) {
    CURL *easy = message->easy_handle;
    CURLcode result = message->data.result;
    struct user *user;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &user);
    count(user, result);
    curl_multi_remove_handle(run.multi, easy);
    if(phase == DRAINING)
      run.live--;
    else
      curl_multi_add_handle(run.multi, easy);
  }
}

static int patience(void)
{
  double left;
  if(run.deadline < 0)
    return 50;
  if(run.deadline == 0)
    return 0;
  left = (run.deadline - monotonic()) * 1e3;
  return left <= 0 ? 0 : left > 50 ? 50 : (int)left + 1;
}

static void act(const struct epoll_event *event)
{
  struct watch *known = &run.watches[event->data.fd];
  int flags = 0, running;
  if(known->parked) {
    unwatch(event->data.fd, known);
    return;
  }
  if(event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
    flags |= CURL_CSELECT_IN;
  if(event->events & EPOLLOUT)
    flags |= CURL_CSELECT_OUT;
  curl_multi_socket_action(run.multi, event->data.fd, flags, &running);
}

static void drive(enum phase phase)
{
  struct epoll_event events[EVENTS];
  int running, ready = epoll_wait(run.epoll, events, EVENTS, patience());
  if(ready < 0 && errno != EINTR)
    fail("epoll_wait");
  for(int i = 0; i < ready; i++)
    act(&events[i]);
  if(run.deadline == 0 || (run.deadline > 0 && monotonic() >= run.deadline)) {
    run.deadline = -1;
    curl_multi_socket_action(run.multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  collect(phase);
}

static struct snapshot snap(void)
{
  return (struct snapshot){ monotonic(), cpu_seconds(), run.good, run.bad, run.bytes };
}

static long peak_rss_kb(void)
{
  char line[256];
  long kb = 0;
  FILE *status = checked(fopen("/proc/self/status", "r"), "/proc/self/status");
  while(fgets(line, sizeof line, status))
    if(sscanf(line, "VmHWM: %ld", &kb) == 1)
      break;
  fclose(status);
  return kb;
}

/* Runs all phases: every user answered once and a pause, the measured window, then what is in flight. */
static void measure(long users, double seconds, struct snapshot *from, struct snapshot *to)
{
  enum phase phase = COLD;
  double now = monotonic(), until = now + WARM_LIMIT;
  while(run.live && !(phase == DRAINING && now >= until)) {
    drive(phase);
    now = monotonic();
    if(phase == COLD && (run.arrived == users || now >= until)) {
      phase = WARM;
      until = now + WARM_PAUSE;
    }
    else if(phase == WARM && now >= until) {
      phase = OPEN;
      *from = snap();
      until = from->wall + seconds;
    }
    else if(phase == OPEN && now >= until) {
      phase = DRAINING;
      *to = snap();
      until = now + DRAIN_LIMIT;
    }
  }
}

static void report(const struct snapshot *from, const struct snapshot *to)
{
  printf("{\"requests\": %" PRIu64 ", \"errors\": %" PRIu64 ", \"seconds\": %.6f, \"cpu_seconds\": %.6f, "
         "\"bytes\": %" PRIu64 ", \"total\": %" PRIu64 ", \"unfinished\": %ld, \"peak_rss_kb\": %ld, "
         "\"libcurl\": \"%s\", \"first_error\": \"\"}\n",
         to->good - from->good, run.bad, to->wall - from->wall, to->cpu - from->cpu, to->bytes - from->bytes,
         run.good + run.bad, run.live, peak_rss_kb(), curl_version_info(CURLVERSION_NOW)->version);
}

int main(int argc, char **argv)
{
  struct snapshot from = { 0 }, to = { 0 };
  struct rlimit files;
  struct user *users;
  if(argc != 6) {
    fprintf(stderr, "usage: floor parked|textbook URL CONCURRENCY SECONDS SIZE\n");
    return 2;
  }
  run.parking = !strcmp(argv[1], "parked");
  run.live = atol(argv[3]);
  run.size = strtoull(argv[5], NULL, 10);
  run.deadline = -1;
  getrlimit(RLIMIT_NOFILE, &files);
  run.watches = checked(calloc(files.rlim_cur, sizeof *run.watches), "calloc");
  users = checked(calloc((size_t)run.live, sizeof *users), "calloc");
  if((run.epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
    fail("epoll_create1");
  curl_global_init(CURL_GLOBAL_ALL);
  run.multi = checked(curl_multi_init(), "curl_multi_init");
  curl_multi_setopt(run.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(run.multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(run.multi, CURLMOPT_MAXCONNECTS, run.live + 100);
  for(long i = 0; i < run.live; i++) {
    set_up(&users[i], argv[2]);
    curl_multi_add_handle(run.multi, users[i].easy);
  }
  measure(run.live, atof(argv[4]), &from, &to);
  report(&from, &to);
  return 0;
}
