#include <string.h>

#include "cli/cli.h"
#include "core/mem.h"

void
crf_words_add(struct crf_words *w, const char *word)
{
	w->items = crf_realloc(w->items, w->count + 2, sizeof(*w->items));
	w->items[w->count++] = word;
	w->items[w->count] = NULL;
}

void
crf_words_split(struct crf_words *w, const struct crf_words *lists)
{
	CRF_AUTO(crf_buf) all = { 0 };
	char *rest = NULL;

	for (size_t i = 0; i < lists->count; i++)
		crf_buf_printf(&all, "%s,", lists->items[i]);
	if (all.len == 0)
		return;
	w->text = crf_buf_take(&all);
	for (char *word = strtok_r(w->text, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
		size_t len;

		word += strspn(word, " \t");
		for (len = strlen(word); len > 0 && (word[len - 1] == ' ' || word[len - 1] == '\t'); len--)
			word[len - 1] = '\0';
		if (len > 0)
			crf_words_add(w, word);
	}
}

void
crf_words_fini(struct crf_words *w)
{
	free(w->items);
	free(w->text);
	*w = (struct crf_words){ 0 };
}
