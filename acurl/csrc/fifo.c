/* Transfers in order of arrival; each is in one fifo at most. */
#include "internal.h"

void fifo_push(struct fifo *fifo, struct transfer *transfer) {
  transfer->fifo = fifo;
  transfer->next = NULL;
  transfer->prev = fifo->tail;
  if(fifo->tail)
    fifo->tail->next = transfer;
  else
    fifo->head = transfer;
  fifo->tail = transfer;
  fifo->len++;
}

void fifo_push_front(struct fifo *fifo, struct transfer *transfer) {
  transfer->fifo = fifo;
  transfer->prev = NULL;
  transfer->next = fifo->head;
  if(fifo->head)
    fifo->head->prev = transfer;
  else
    fifo->tail = transfer;
  fifo->head = transfer;
  fifo->len++;
}

void fifo_drop(struct transfer *transfer) {
  struct fifo *fifo = transfer->fifo;
  if(!fifo)
    return;
  transfer->fifo = NULL;
  if(transfer->prev)
    transfer->prev->next = transfer->next;
  else
    fifo->head = transfer->next;
  if(transfer->next)
    transfer->next->prev = transfer->prev;
  else
    fifo->tail = transfer->prev;
  fifo->len--;
}
