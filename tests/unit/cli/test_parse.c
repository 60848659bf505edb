#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "cli/server.h"
#include "core/mem.h"

#define MOST 12

/* Parses the words of a line, the program's name first. */
struct parsed {
	struct crf_call call;
	struct crf_buf problem;
	char *text;
	bool good;
};

static void
parse(struct parsed *p, unsigned where, const char *line)
{
	char *argv[MOST + 1] = { NULL }, *rest = NULL;
	int argc = 0;

	*p = (struct parsed){ .text = crf_strdup(line) };
	for (char *w = strtok_r(p->text, " ", &rest); w != NULL && argc < MOST; w = strtok_r(NULL, " ", &rest))
		argv[argc++] = w;
	p->good = crf_call_parse(&p->call, where, argc, argv, &p->problem);
}

static void
parsed_fini(struct parsed *p)
{
	crf_call_fini(&p->call);
	crf_buf_fini(&p->problem);
	free(p->text);
}

static const struct {
	const char *line, *command;
} known[] = {
	{ "shop server", "server" },
	{ "shop s", "server" },
	{ "shop consumer", "server" },
	{ "./bin/shop server", "server" },
	{ "shop -v server", "server" },
	{ "shop --log-level debug server -q", "server" },
	{ "shop -X a=b -F file dev -e", "dev" },
	{ "shop --exit_eof dev", "dev" },
	{ "shop --exclude_consumers=x --exclude-groups=x server", NULL },
	{ "shop produce orders", "produce" },
	{ "shop --file x produce orders", "produce" },
	{ "shop --topic orders server", "server" }, /* an option of the tool's is none here, but short for --topics */
	{ "shop help", "help" },
	{ "shop help server", "help" },
	{ "shop", NULL },
	{ "shop --version", NULL },
};

static void
options_stand_before_or_after_the_command(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(known); i++) {
		struct parsed p;

		parse(&p, CRF_IN_APP, known[i].line);
		if (known[i].command != NULL && !p.good)
			fail_msg("%s: %s", known[i].line, crf_buf_str(&p.problem));
		if (known[i].command == NULL)
			assert_null(p.call.command);
		else
			assert_string_equal(p.call.command->name, known[i].command);
		parsed_fini(&p);
	}
}

static const struct {
	unsigned where;
	const char *line, *problem;
} wrong[] = {
	{ CRF_IN_APP, "shop sever", "unknown command sever; did you mean server?" },
	{ CRF_IN_APP, "shop blah", "unknown command blah" },
	{ CRF_IN_APP, "shop new x", "unknown command new: it is a command of the carafe tool" },
	{ CRF_IN_TOOL, "carafe server", "unknown command server: it is a command of programs built with carafe, not of this tool" },
	{ CRF_IN_APP, "shop server --exit-eol", "unknown option --exit-eol; did you mean --exit-eof?" },
	{ CRF_IN_APP, "shop server --exit-eol=3", "unknown option --exit-eol; did you mean --exit-eof?" },
	{ CRF_IN_APP, "shop server --zzz", "unknown option --zzz" },
	{ CRF_IN_APP, "shop server -vz", "unknown option -z" },
	{ CRF_IN_APP, "shop server -X", "-X needs KEY=VALUE" },
	{ CRF_IN_APP, "shop server --file", "--file needs FILE" },
	{ CRF_IN_APP, "shop server --exit-eof=yes", "--exit-eof takes no argument" },
	{ CRF_IN_APP, "shop server --seed a=b", "server takes no --seed" },
	{ CRF_IN_APP, "shop --seed a=b server", "server takes no --seed" },
	{ CRF_IN_APP, "shop server --log-level loud", "--log-level loud: must be one of debug|info|warn|error" },
	{ CRF_IN_APP, "shop server --log-level inf", "--log-level inf: must be one of debug|info|warn|error" },
	{ CRF_IN_APP, "shop server orders", "server: one argument too many: orders" },
	{ CRF_IN_APP, "shop produce", "produce needs TOPIC" },
	{ CRF_IN_APP, "shop produce a b", "produce: one argument too many: b" },
};

static void
what_is_wrong_is_said(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(wrong); i++) {
		struct parsed p;

		parse(&p, wrong[i].where, wrong[i].line);
		if (p.good)
			fail_msg("%s: was taken", wrong[i].line);
		assert_string_equal(crf_buf_str(&p.problem), wrong[i].problem);
		parsed_fini(&p);
	}
}

static void
options_keep_their_order_and_the_last_wins(void **unused)
{
	struct parsed p;

	(void)unused;
	parse(&p, CRF_IN_APP, "shop -X a=1 server --set b=2 -Xc=3 --log-level info --log_level=warn");
	assert_true(p.good);
	assert_int_equal(p.call.given[CRF_OPT_SET].count, 3);
	assert_string_equal(p.call.given[CRF_OPT_SET].items[0], "a=1");
	assert_string_equal(p.call.given[CRF_OPT_SET].items[1], "b=2");
	assert_string_equal(p.call.given[CRF_OPT_SET].items[2], "c=3");
	assert_string_equal(crf_call_value(&p.call, CRF_OPT_LOG_LEVEL), "warn");
	assert_null(crf_call_value(&p.call, CRF_OPT_CONFIG));
	parsed_fini(&p);
}

static void
behind_two_dashes_nothing_is_an_option(void **unused)
{
	struct parsed p;

	(void)unused;
	parse(&p, CRF_IN_APP, "shop produce -- -v");
	assert_true(p.good);
	assert_int_equal(p.call.args.count, 1);
	assert_string_equal(p.call.args.items[0], "-v");
	parsed_fini(&p);
}

static void
help_needs_no_arguments(void **unused)
{
	struct parsed p;

	(void)unused;
	parse(&p, CRF_IN_APP, "shop produce --help");
	assert_true(p.good);
	assert_string_equal(p.call.program, "shop");
	parsed_fini(&p);
}

static void
assert_words(const char *const *words, const char *expected)
{
	CRF_AUTO(crf_buf) joined = { 0 };

	for (; words != NULL && *words != NULL; words++)
		crf_buf_printf(&joined, "%s%s", joined.len > 0 ? " " : "", *words);
	assert_string_equal(crf_buf_str(&joined), expected);
}

static void
lists_are_taken_apart(void **unused)
{
	struct crf_words given = { 0 }, list = { 0 };

	(void)unused;
	crf_words_add(&given, "a, b ,,\tc d ,");
	crf_words_add(&given, "e");
	crf_words_split(&list, &given);
	assert_int_equal(list.count, 4);
	assert_string_equal(list.items[2], "c d");
	assert_words(list.items, "a b c d e");
	crf_words_fini(&list);
	crf_words_fini(&given);
}

static void
the_scope_is_what_was_given(void **unused)
{
	struct crf_scope_lists lists;
	struct parsed p;

	(void)unused;
	parse(&p, CRF_IN_APP, "shop server -g a,b --include-groups c --exclude_topics=x,y --connections=k -t t");
	assert_true(p.good);
	crf_scope_lists_init(&lists, &p.call);
	assert_words(lists.scope.groups, "a b c");
	assert_words(lists.scope.exclude_groups, "");
	assert_words(lists.scope.connections, "k");
	assert_words(lists.scope.topics, "t");
	assert_words(lists.scope.exclude_topics, "x y");
	assert_null(lists.scope.exclude_connections);
	crf_scope_lists_fini(&lists);
	parsed_fini(&p);
}

/* The table itself: an option that is spelled twice would be two. */
static void
every_option_has_a_spelling_of_its_own(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < CRF_OPTION_COUNT; i++) {
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(crf_options[i].name, crf_options[j].name);
			if (crf_options[i].letter != 0)
				assert_int_not_equal(crf_options[i].letter, crf_options[j].letter);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_before_or_after_the_command),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(options_keep_their_order_and_the_last_wins),
		cmocka_unit_test(behind_two_dashes_nothing_is_an_option),
		cmocka_unit_test(help_needs_no_arguments),
		cmocka_unit_test(lists_are_taken_apart),
		cmocka_unit_test(the_scope_is_what_was_given),
		cmocka_unit_test(every_option_has_a_spelling_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
