/* librdkafka's header. */
#ifndef IT_RDKAFKA_H
#define IT_RDKAFKA_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-qualifiers" /* a const int that is returned by value */
#include <librdkafka/rdkafka.h>
#pragma GCC diagnostic pop

#endif
