/* librdkafka's own documentation of its settings, read at first use: so that what carafe knows is what the library that
 * is linked knows. Two sources: the table that rd_kafka_conf_properties_show prints,
 *
 *     name | C/P | range or values | default | importance | description <br>*Type: integer*
 *
 * which says what concerns whom and which name is an alias, and the dump of a fresh configuration, for defaults as one
 * would write them and for settings that the table does not show. */
#include "kafka/keys.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/map.h"
#include "core/mem.h"
#include "kafka/native.h"

enum column { NAME, KIND, VALUES, STANDARD, IMPORTANCE, DESCRIPTION, COLUMNS };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct crf_key **keys; /* const after load */
static size_t key_count;
static struct crf_map by_name; /* const after load */

static struct crf_key *
add(const char *name)
{
	struct crf_key *k = crf_map_get(&by_name, name);

	if (k != NULL)
		return k;
	k = crf_new(struct crf_key);
	k->name = crf_strdup(name);
	crf_map_put(&by_name, name, k);
	keys = crf_realloc(keys, key_count + 1, sizeof(struct crf_key *));
	keys[key_count++] = k;
	return k;
}

/* ------------------------------------------------------------------------------------------------ the table */

static char *
trimmed(char *s)
{
	size_t len;

	s += strspn(s, " ");
	for (len = strlen(s); len > 0 && s[len - 1] == ' '; len--)
		;
	s[len] = '\0';
	return s;
}

static bool
split(char *line, char *columns[COLUMNS])
{
	for (int i = 0; i < COLUMNS; i++) {
		char *end = i + 1 < COLUMNS ? strstr(line, " | ") : NULL;

		if (end == NULL && i + 1 < COLUMNS)
			return false;
		if (end != NULL)
			*end = '\0';
		columns[i] = trimmed(line);
		line = end != NULL ? end + 3 : line;
	}
	return strcmp(columns[NAME], "Property") != 0;
}

static char *
alias_target(const char *description)
{
	const char *start = strstr(description, "Alias for `"), *end;

	if (start == NULL)
		return NULL;
	start += strlen("Alias for `");
	end = strchr(start, '`');
	return end != NULL ? crf_strndup(start, (size_t)(end - start)) : NULL;
}

/* Some settings are in the table twice, once for clients and once for topics: the first is what a client's list sets, but
 * it concerns whoever either of them does. */
static void
add_row(char *line)
{
	char *columns[COLUMNS];
	struct crf_key *k;

	if (!split(line, columns))
		return;
	k = add(columns[NAME]);
	k->consumer |= strcmp(columns[KIND], "P") != 0;
	k->producer |= strcmp(columns[KIND], "C") != 0;
	k->pointer |= strstr(columns[DESCRIPTION], "*Type: see dedicated API*") != NULL;
	if (k->values == NULL) {
		k->values = crf_strdup(columns[VALUES]);
		k->alias_of = alias_target(columns[DESCRIPTION]);
	}
}

static void
load_table(void)
{
	char *text = NULL, *line, *rest;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		crf_panic("no memory for the table of Kafka settings");
	rd_kafka_conf_properties_show(f);
	fclose(f);
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		add_row(line);
	free(text);
}

/* ------------------------------------------------------------------------------------------------ defaults */

static void
load_dump(const char **pairs, size_t count)
{
	for (size_t i = 0; i + 1 < count; i += 2) {
		struct crf_key *k = add(pairs[i]);

		if (k->values == NULL) {
			k->values = crf_strdup("");
			k->hidden = k->consumer = k->producer = true;
		}
		if (k->standard == NULL && !k->pointer && pairs[i + 1][0] != '\0')
			k->standard = crf_strdup(pairs[i + 1]);
	}
	rd_kafka_conf_dump_free(pairs, count);
}

static void
load_defaults(void)
{
	rd_kafka_conf_t *client = rd_kafka_conf_new();
	rd_kafka_topic_conf_t *topic = rd_kafka_topic_conf_new();
	const char **pairs;
	size_t count;

	pairs = rd_kafka_conf_dump(client, &count);
	load_dump(pairs, count);
	pairs = rd_kafka_topic_conf_dump(topic, &count);
	load_dump(pairs, count);
	rd_kafka_topic_conf_destroy(topic);
	rd_kafka_conf_destroy(client);
	for (size_t i = 0; i < key_count; i++)
		if (keys[i]->alias_of != NULL)
			keys[i]->standard = add(keys[i]->alias_of)->standard;
}

static void
load(void)
{
	load_table();
	load_defaults();
}

/* ------------------------------------------------------------------------------------------------ looking up */

const struct crf_key *
crf_key_find(const char *name)
{
	pthread_once(&once, load);
	return crf_map_get(&by_name, name);
}

const char *
crf_key_canonical(const char *name)
{
	const struct crf_key *k = crf_key_find(name);

	return k != NULL && k->alias_of != NULL ? k->alias_of : name;
}

size_t
crf_key_count(void)
{
	pthread_once(&once, load);
	return key_count;
}

const struct crf_key *
crf_key_at(size_t i)
{
	return keys[i];
}
