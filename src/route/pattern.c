/* Patterns: which route of a group a topic belongs to.
 *
 * carafe matches patterns itself and subscribes to the topics that match, by name. A pattern therefore means the same
 * whatever the group's protocol is (librdkafka takes POSIX expressions with the classic one, while brokers take RE2 of the
 * whole name with the new one), and what must not match can be left out: topics that the group consumes by name, and the
 * dead letter queues that it writes itself. */
#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "route/resolve.h"

#define FLAGS (REG_EXTENDED | REG_NOSUB)
#define INTERNAL "__" /* what Kafka keeps for itself begins so */

struct crf_matcher {
	const char *group;
	char *topic;                /* by name when it is no pattern */
	bool pattern;
	regex_t regex;
	const carafe_route *route;  /* NULL: nobody's */
};

/* What other languages of expressions have and POSIX has not: regcomp takes it, and reads something else. */
static char *
foreign(const char *pattern)
{
	static const struct {
		char letter;
		const char *instead;
	} classes[] = { { 'd', "[0-9]" }, { 'D', "[^0-9]" }, { 'w', "[A-Za-z0-9_]" }, { 'W', "[^A-Za-z0-9_]" } };

	for (const char *p = pattern; (p = strpbrk(p, "\\*+?")) != NULL && p[1] != '\0'; p += *p == '\\' ? 2 : 1) {
		if (*p != '\\' && p[1] == '?')
			return crf_format("has %.2s, which is no lazy match in a POSIX extended regular expression; leave the ? out", p);
		if (*p != '\\' || !isalnum((unsigned char)p[1]))
			continue;
		for (size_t i = 0; i < crf_array_len(classes); i++)
			if (p[1] == classes[i].letter)
				return crf_format("has %.2s, which means something else in a POSIX extended regular expression; write %s", p,
				    classes[i].instead);
		return crf_format("has %.2s: a POSIX extended regular expression has no \\ before letters and digits; write what is meant, "
				  "such as [0-9] for digits",
		    p);
	}
	return NULL;
}

char *
crf_pattern_problem(const char *pattern)
{
	char why[128], *wrong;
	regex_t regex;
	int code;

	if (pattern[0] != '^')
		return crf_format("must begin with ^: \"^%s\" is what begins so, \"^.*%s\" what has it anywhere", pattern, pattern);
	if ((wrong = foreign(pattern)) != NULL)
		return wrong;
	if ((code = regcomp(&regex, pattern, FLAGS)) == 0) {
		regfree(&regex);
		return NULL;
	}
	regerror(code, &regex, why, sizeof(why));
	return crf_format("is no POSIX extended regular expression: %s", why);
}

static void
add_matcher(struct crf_routing *r, const char *group, const char *topic, const carafe_route *route)
{
	struct crf_matcher m = { .group = group, .route = route, .pattern = route != NULL && route->pattern };

	if (m.pattern && regcomp(&m.regex, topic, FLAGS) != 0) /* a mistake that was reported */
		return;
	m.topic = crf_strdup(topic);
	r->matchers = crf_realloc(r->matchers, r->matcher_count + 1, sizeof(*r->matchers));
	r->matchers[r->matcher_count++] = m;
}

void
crf_match_routes(struct crf_compile *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct crf_resolved *r = &c->routes[i];

		if (!r->left_out)
			add_matcher(c->routing, r->group, r->route->topic, r->route);
	}
}

void
crf_routing_exclude(struct crf_routing *r, const char *group, const char *topic)
{
	add_matcher(r, group, topic, NULL);
}

const carafe_route *
crf_routing_owner(const struct crf_routing *r, const char *group, const char *topic)
{
	const struct crf_matcher *first = NULL;

	for (size_t i = 0; i < r->matcher_count; i++) {
		const struct crf_matcher *m = &r->matchers[i];

		if (strcmp(m->group, group) != 0)
			continue;
		if (!m->pattern && strcmp(m->topic, topic) == 0)
			return m->route;
		if (m->pattern && first == NULL && regexec(&m->regex, topic, 0, NULL, 0) == 0)
			first = m;
	}
	if (first == NULL || (strncmp(topic, INTERNAL, 2) == 0 && strncmp(first->topic, "^" INTERNAL, 3) != 0))
		return NULL;
	return first->route;
}

void
crf_matchers_fini(struct crf_routing *r)
{
	for (size_t i = 0; i < r->matcher_count; i++) {
		free(r->matchers[i].topic);
		if (r->matchers[i].pattern)
			regfree(&r->matchers[i].regex);
	}
	free(r->matchers);
}
