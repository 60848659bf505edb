/* What a dead letter topic has, read on and on. */
#ifndef IT_LETTERS_H
#define IT_LETTERS_H

#include <stdbool.h>
#include <stdint.h>

struct it_letters;

/* Of a topic with one partition, from its first letter on. */
struct it_letters *it_letters_open(const char *topic);
/* All that it has by now, each once: where it was consumed. False when Kafka does not say in time; what was not read is read next time. */
bool it_letters_read(struct it_letters *l, void (*fn)(int32_t partition, int64_t offset), int patience_ms);
void it_letters_close(struct it_letters *l);

#endif
