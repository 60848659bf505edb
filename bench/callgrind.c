#include "callgrind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

bool
callgrind_is_there(void)
{
	return system("command -v valgrind callgrind_annotate >/dev/null") == 0;
}

/* "1,234,567 (12.3%) ..." */
static double
read_number(const char *text)
{
	double value = 0;

	for (text += strspn(text, " "); *text == ',' || (*text >= '0' && *text <= '9'); text++)
		if (*text != ',')
			value = value * 10 + (*text - '0');
	return value;
}

/* "  1,234 (12.3%)  ???:work [/usr/lib/libx.so]": exactly that function. */
static bool
is_of(const char *line, const char *function)
{
	const char *name = strrchr(line, ':'), *end;

	if (name == NULL || (end = strpbrk(++name, " '\n")) == NULL)
		return false;
	return (size_t)(end - name) == strlen(function) && strncmp(name, function, strlen(function)) == 0;
}

struct callgrind
callgrind_read(const char *file, const char *function)
{
	struct callgrind found = { 0, 0 };
	char command[256], line[4096];
	FILE *in;

	snprintf(command, sizeof(command), "callgrind_annotate --inclusive=yes --threshold=100 --auto=no '%s'", file);
	if ((in = popen(command, "r")) == NULL)
		bench_die("cannot run callgrind_annotate");
	while (fgets(line, sizeof(line), in) != NULL) {
		if (strstr(line, "PROGRAM TOTALS") != NULL)
			found.total = read_number(line);
		else if (found.inside == 0 && is_of(line, function))
			found.inside = read_number(line);
	}
	if (pclose(in) != 0 || found.total == 0 || found.inside == 0)
		bench_die("callgrind_annotate found nothing about %s in %s", function, file);
	return found;
}
