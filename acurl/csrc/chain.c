/* Connections in order, by descriptor number, since the table of descriptors may
 * move. A descriptor has a link for each kind of chain. */
#include "internal.h"

static struct link *link_of(acurl_engine *engine, int fd, size_t link) {
  return (struct link *)(void *)((char *)&engine->descriptors[fd] + link);
}

void chain_init(struct chain *chain) {
  *chain = (struct chain){.oldest = -1, .newest = -1};
}

void chain_add(acurl_engine *engine, struct chain *chain, int fd, size_t link) {
  struct link *own = link_of(engine, fd, link);
  own->prev = chain->newest;
  own->next = -1;
  if(chain->newest >= 0)
    link_of(engine, chain->newest, link)->next = fd;
  else
    chain->oldest = fd;
  chain->newest = fd;
  chain->count++;
}

void chain_drop(acurl_engine *engine, struct chain *chain, int fd, size_t link) {
  const struct link *own = link_of(engine, fd, link);
  if(own->prev >= 0)
    link_of(engine, own->prev, link)->next = own->next;
  else
    chain->oldest = own->next;
  if(own->next >= 0)
    link_of(engine, own->next, link)->prev = own->prev;
  else
    chain->newest = own->prev;
  chain->count--;
}
