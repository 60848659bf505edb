/* Root settings: declared once in settings.def, set in four layers, resolved once.
 *
 * Code is the weakest layer, then files, the environment, the command line. A key is a root setting's dotted path
 * ("pause.timeout") or a setting of librdkafka under its own name ("fetch.min.bytes", "kafka.fetch.min.bytes"). */
#ifndef CRF_SETTINGS_SETTINGS_H
#define CRF_SETTINGS_SETTINGS_H

#include <stdbool.h>

#include <carafe/carafe.h>

#include "core/kv.h"
#include "core/problems.h"

enum crf_layer {
	CRF_LAYER_CODE,
	CRF_LAYER_CONFIG, /* the file that CARAFE_CONFIG names */
	CRF_LAYER_ENVIRONMENT,
	CRF_LAYER_FILE, /* those of -F */
	CRF_LAYER_COMMAND_LINE,
	CRF_LAYER_COUNT
};

/* What CARAFE_ENV names; development when it is not set. Any other name, "Production" and the empty one included, warns and
 * counts as production: who sets it at all is deploying, and what development does on top (topics made by a typing error,
 * metadata asked for every few seconds) is worse there than production's care is on a desk. */
enum crf_env { CRF_DEVELOPMENT, CRF_TEST, CRF_STAGING, CRF_PRODUCTION };

/* One member per row of settings.def: numbers as int (milliseconds, counts, booleans), text as const char *. */
struct crf_values {
#define CRF_SETTING_INT(path, member, fallback, low, high, doc) int member;
#define CRF_SETTING_BOOL(path, member, fallback, doc) bool member;
#define CRF_SETTING_TEXT(path, member, fallback, pattern, doc) const char *member;
#include "settings/settings.def"
#undef CRF_SETTING_INT
#undef CRF_SETTING_BOOL
#undef CRF_SETTING_TEXT
};

struct crf_settings {
	struct crf_kvs layers[CRF_LAYER_COUNT]; /* root settings as given, by path */
	struct crf_kvs kafka_layers[CRF_LAYER_COUNT];
	struct crf_problems problems;           /* of setting: unknown keys, unreadable files */
	/* after crf_settings_resolve: */
	enum crf_env env;
	char *env_name;         /* as given in CARAFE_ENV, "development" without */
	struct crf_values v;
	struct crf_kvs root;    /* every root setting, its effective value as text and its origin */
	struct crf_kvs kafka;   /* librdkafka's settings of the app, effective, with origins; no injected ones */
	char **warnings;        /* "CARAFE_ENV=prodution is not a known environment; did you mean production?" */
	size_t warning_count;
};

void crf_settings_init(struct crf_settings *s);
void crf_settings_fini(struct crf_settings *s);

/* Sets one key in a layer; an unknown key becomes a problem that names the nearest known one. */
void crf_settings_set(struct crf_settings *s, enum crf_layer layer, const char *key, const char *value, const char *origin);
/* From carafe_new's options; NULL is none. */
void crf_settings_from_code(struct crf_settings *s, const carafe_opts *opts);
/* A file of key=value lines, blank ones and # comments, as kcat's -F. Later files win over earlier ones. */
void crf_settings_from_file(struct crf_settings *s, const char *path);
void crf_settings_from_file_as(struct crf_settings *s, enum crf_layer layer, const char *path);
/* CARAFE_ENV, CARAFE_CONFIG (a file, weaker than those of -F), CARAFE_<PATH>, CARAFE_KAFKA_<KEY>. An unknown CARAFE_ name is
 * a problem. */
void crf_settings_from_environment(struct crf_settings *s, char *const *environ);
/* As CARAFE_ENV does. */
void crf_settings_name_env(struct crf_settings *s, const char *name);
/* "key=value" of -X. False when it has no '='. */
bool crf_settings_from_option(struct crf_settings *s, const char *option);

/* Puts the layers together, reads and checks every value, applies what depends on the environment; all mistakes go to
 * out, those of setting first. A value that is wrong counts as its default from here on. Once. */
void crf_settings_resolve(struct crf_settings *s, struct crf_problems *out);

/* What carafe adds to a client's list where it says nothing under any spelling (client.id, statistics.interval.ms,
 * fetch.queue.backoff.ms, allow.auto.create.topics, ...), with origin "carafe", or "carafe (development)" where the
 * environment decides. After resolve. */
void crf_settings_inject_consumer(const struct crf_settings *s, struct crf_kvs *kafka);
void crf_settings_inject_producer(const struct crf_settings *s, struct crf_kvs *kafka);

const char *crf_env_name(enum crf_env env);
/* production and staging. */
bool crf_env_is_production(enum crf_env env);

/* The table itself, for help and docs. */
struct crf_setting {
	const char *path;
	const char *type; /* "number", "boolean", "text" */
	const char *fallback;
	const char *doc;
	long low, high; /* numbers */
	const char *pattern; /* text: the values allowed, "a|b", or a POSIX extended regex in ^...$; NULL for others */
};
const struct crf_setting *crf_setting_at(size_t i); /* NULL past the end */
const struct crf_setting *crf_setting_named(const char *path); /* there is one */
/* The name of its environment variable, into name (64 bytes do), returned. */
char *crf_setting_env(const struct crf_setting *setting, char *name, size_t len);

#endif
