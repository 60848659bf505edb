#include "route/name.h"

#include <string.h>

#include "route/route.h"

#define NAME_MAX_BYTES 249
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

bool
crf_name_is_plain(const char *name)
{
	return name[0] != '\0' && name[strspn(name, PLAIN)] == '\0';
}

const char *
crf_kafka_name_problem(const char *name)
{
	if (name[0] == '\0')
		return "is no name: it is empty";
	if (!crf_name_is_plain(name))
		return "has characters that Kafka does not allow in names; letters, digits, '.', '_' and '-' are allowed";
	if (strlen(name) > NAME_MAX_BYTES)
		return "is longer than 249 bytes, which is the most that Kafka allows";
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return "is a name that Kafka does not allow";
	return NULL;
}

const char *
crf_topic_name_problem(const char *name)
{
	return crf_kafka_name_problem(name);
}

bool
crf_name_is_mixed(const char *name)
{
	return strchr(name, '.') != NULL && strchr(name, '_') != NULL;
}

bool
crf_names_collide(const char *a, const char *b)
{
	bool differ = false;

	for (; *a != '\0' && *b != '\0'; a++, b++) {
		if ((*a == '.' ? '_' : *a) != (*b == '.' ? '_' : *b))
			return false;
		differ |= *a != *b;
	}
	return *a == *b && differ;
}
