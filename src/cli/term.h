/* The terminal: whether it is one, how wide it is, and one line at its bottom that is written over and over. */
#ifndef CRF_CLI_TERM_H
#define CRF_CLI_TERM_H

#include <stdbool.h>
#include <stdio.h>

/* A terminal that obeys escape sequences. */
bool crf_term_is(FILE *f);
/* Columns; 80 when that cannot be told. */
int crf_term_width(FILE *f);

/* Shows text, cut to the width, on stderr's last line, instead of what was shown there. Any thread. */
void crf_term_status(const char *text);
/* Takes it away. Any thread. */
void crf_term_clear(void);
/* For crf_log_around: makes way for a line, and shows the status again behind it. */
void crf_term_around(bool after, void *arg);

#endif
