/* Consumes a distribution's list of packages, a package a message: name, version, size in KiB, maintainer, section and
 * homepage between tabs. What cannot be reached is tried once more, then written to packages.dead. See scripts/demo. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <carafe/carafe.h>

enum { NAME, VERSION, SIZE, MAINTAINER, SECTION, HOMEPAGE, FIELDS };

/* Each partition has one of its own, so there is nothing to lock. */
struct tally {
	int64_t packages, kib;
};

/* Up to the next tab; NULL when nothing is left. */
static char *
next_field(char **rest)
{
	char *field = *rest, *tab = field != NULL ? strchr(field, '\t') : NULL;

	if (tab != NULL)
		*tab++ = '\0';
	*rest = tab;
	return field;
}

static carafe_rc
on_package(carafe_consumer *c, const carafe_message *m)
{
	struct tally *t = carafe_state(c);
	char text[1024], *rest = text, *field[FIELDS];

	snprintf(text, sizeof(text), "%.*s", (int)m->value.len, (const char *)m->value.data);
	for (int i = 0; i < FIELDS; i++)
		if ((field[i] = next_field(&rest)) == NULL)
			return carafe_fail(c, "%s has only %d of %d fields", text, i, FIELDS);
	if (strcmp(field[MAINTAINER] + strcspn(field[MAINTAINER], ">"), ">") != 0)
		return carafe_fail(c, "%s: nobody can write to \"%s\"", field[NAME], field[MAINTAINER]);
	if (field[HOMEPAGE][0] != '\0' && strncmp(field[HOMEPAGE], "http", 4) != 0)
		return carafe_fail(c, "%s: no browser opens %s", field[NAME], field[HOMEPAGE]);
	t->packages++;
	t->kib += strtoll(field[SIZE], NULL, 10);
	return CARAFE_OK;
}

static carafe_rc
on_shutdown(carafe_consumer *c)
{
	const struct tally *t = carafe_state(c);

	printf("%s[%" PRId32 "]: %" PRId64 " packages, %.1f GiB when installed\n", carafe_topic(c), carafe_partition(c),
	    t->packages, (double)t->kib / (1 << 20));
	return CARAFE_OK;
}

int
main(int argc, char **argv)
{
	static const carafe_handler packages = { .message = on_package, .shutdown = on_shutdown,
		.state_size = sizeof(struct tally) };
	carafe *app = carafe_new(.client_id = "packages");
	carafe_route *r = carafe_route(carafe_group(app, "packages"), "packages", .handler = &packages);

	carafe_retry(r, .timeout = 100);
	carafe_dlq(r, .topic = "packages.dead", .max_retries = 1);
	return carafe_main(app, argc, argv);
}
