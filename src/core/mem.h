/* Memory. Running out of it aborts: librdkafka below does the same, so there is nothing to return to. */
#ifndef CRF_CORE_MEM_H
#define CRF_CORE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <carafe/error.h>

/* Zeroed; never NULL, not even for no bytes at all. */
void *crf_alloc(size_t count, size_t size);
void *crf_realloc(void *p, size_t count, size_t size);
char *crf_strdup(const char *s); /* NULL stays NULL */
char *crf_strndup(const char *s, size_t len); /* len at most: ends at a NUL before that */
void *crf_memdup(const void *p, size_t len);
char *crf_format(const char *format, ...) CARAFE_PRINTF(1, 2);

#define crf_new(type) ((type *)crf_alloc(1, sizeof(type)))
#define crf_new_array(type, count) ((type *)crf_alloc((count), sizeof(type)))

/* A local that is finished when its scope ends: CRF_AUTO(crf_buf) b = { 0 }; calls crf_buf_fini(&b). */
#define CRF_AUTO(type) __attribute__((cleanup(type##_fini))) struct type
/* A local pointer that is freed when its scope ends. */
#define CRF_AUTO_FREE __attribute__((cleanup(crf_free_at)))
static inline void
crf_free_at(void *at)
{
	free(*(void **)at);
}

#define crf_container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define crf_array_len(a) (sizeof(a) / sizeof((a)[0]))

/* Every object behind a public handle starts with a magic number, checked at each public entry, in release builds too: in the
 * public function itself, whose name is in what is said. what and source are for whoever reads that: "app", "what carafe_new() has
 * returned". */
#define CRF_MAGIC(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define crf_check_handle(obj, expected, what, source)                                                                  \
	do {                                                                                                           \
		if ((obj) == NULL || (obj)->magic != (expected))                                                       \
			crf_bad_handle(__func__, (obj) == NULL, what, source);                                         \
	} while (0)
/* Of what has no magic number. */
#define crf_check_given(obj, what, source)                                                                             \
	do {                                                                                                           \
		if ((obj) == NULL)                                                                                     \
			crf_bad_handle(__func__, true, what, source);                                                  \
	} while (0)
_Noreturn void crf_bad_handle(const char *call, bool null, const char *what, const char *source);

/* A public function was called as it must not be: aborts, like crf_panic. call: its name, with or without the _ at its end. */
_Noreturn void crf_misuse(const char *call, const char *format, ...) CARAFE_PRINTF(2, 3);

/* Says what is wrong on stderr and aborts: for bugs, in carafe or in how it is called, never for input. */
_Noreturn void crf_panic(const char *format, ...) CARAFE_PRINTF(1, 2);

#endif
