#include "core/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||                \
    __has_feature(thread_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static void
memory_is_zeroed_and_never_null(void **unused)
{
	CRF_AUTO_FREE char *none = crf_alloc(0, 8);
	CRF_AUTO_FREE int *some = crf_new_array(int, 100);

	(void)unused;
	assert_non_null(none);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(some[i], 0);
	some = crf_realloc(some, 200, sizeof(*some));
	assert_int_equal(some[99], 0);
	some = crf_realloc(some, 0, sizeof(*some));
	assert_non_null(some);
}

static void
strings_are_copied(void **unused)
{
	CRF_AUTO_FREE char *whole = crf_strdup("carafe");
	CRF_AUTO_FREE char *part = crf_strndup("carafe", 3);
	CRF_AUTO_FREE char *less = crf_strndup("ca", 100);
	CRF_AUTO_FREE char *bytes = crf_memdup("a\0b", 3);
	CRF_AUTO_FREE char *nothing = crf_memdup(NULL, 0);
	CRF_AUTO_FREE char *formatted = crf_format("%s-%d", "orders", 7);

	(void)unused;
	assert_string_equal(whole, "carafe");
	assert_string_equal(part, "car");
	assert_string_equal(less, "ca");
	assert_memory_equal(bytes, "a\0b", 3);
	assert_non_null(nothing);
	assert_string_equal(formatted, "orders-7");
	assert_null(crf_strdup(NULL));
}

static volatile size_t huge = SIZE_MAX / 2; /* volatile: or the compiler sees what is coming and warns */

static void
overflow(void)
{
	void *volatile p = crf_alloc(huge, 16);

	free(p);
}

static void
overflow_again(void)
{
	void *volatile p = crf_realloc(NULL, huge, 16);

	free(p);
}

static void
bug(void)
{
	crf_panic("%s", "no such lane");
}

static void
wrong_handle(void)
{
	struct {
		uint32_t magic;
	} object = { CRF_MAGIC('g', 'o', 'n', 'e') };

	crf_check_handle(&object, CRF_MAGIC('l', 'a', 'n', 'e'), "lane", "a real one");
}

static void
no_handle(void)
{
	const struct carafe_error *nothing = NULL;

	crf_check_given(nothing, "error", "one on the stack");
}

static void
behind_a_macro(void)
{
	crf_misuse("carafe_group_", "%s", "not now");
}

/* What fn says on its way down. */
static void
last_words(void (*fn)(void), char *said, size_t len)
{
	int ends[2], status;
	ssize_t n, at = 0;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	if ((child = fork()) == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(ends[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], said + at, len - 1 - (size_t)at)) > 0)
		at += n;
	said[at] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
a_bug_says_so_and_aborts(void **unused)
{
	char said[4096];

	(void)unused;
	last_words(bug, said, sizeof(said));
	assert_string_equal(said, "carafe: no such lane\n");
	last_words(wrong_handle, said, sizeof(said));
	assert_string_equal(said,
	    "carafe: wrong_handle: this is no lane: it was freed, or overwritten, or never was one; give it a real one\n");
	last_words(no_handle, said, sizeof(said));
	assert_string_equal(said, "carafe: no_handle: the error is NULL; give it one on the stack\n");
	last_words(behind_a_macro, said, sizeof(said));
	assert_string_equal(said, "carafe: carafe_group: not now\n");
}

static void
too_much_memory_aborts(void **unused)
{
	char said[4096];

	(void)unused;
	if (SANITIZED) /* they report and die in a way of their own */
		return;
	last_words(overflow, said, sizeof(said));
	assert_non_null(strstr(said, "carafe: out of memory"));
	last_words(overflow_again, said, sizeof(said));
	assert_non_null(strstr(said, "carafe: out of memory"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_never_null),
		cmocka_unit_test(strings_are_copied),
		cmocka_unit_test(a_bug_says_so_and_aborts),
		cmocka_unit_test(too_much_memory_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
