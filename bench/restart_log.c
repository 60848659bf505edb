#include <sys/mman.h>
#include <unistd.h>

#include "restart.h"

int
restart_log_new(void)
{
	int log = memfd_create("carafe-bench", 0);

	if (log < 0 || ftruncate(log, sizeof(struct restart_log)) != 0)
		bench_die("restart: no memory to share");
	return log;
}

struct restart_log *
restart_log_open(int log)
{
	void *at = mmap(NULL, sizeof(struct restart_log), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, log, 0);

	if (at == MAP_FAILED)
		bench_die("restart: no memory to share");
	return at;
}

void
restart_log_close(struct restart_log *at, int log)
{
	munmap(at, sizeof(*at));
	close(log);
}

void
restart_note(struct restart_log *log, int member, int32_t partition, int64_t offset)
{
	int64_t i = atomic_fetch_add(&log->count, 1);

	if (i >= RESTART_RECORDS)
		bench_die("restart: more than %d messages", RESTART_RECORDS);
	log->records[i].offset = offset;
	log->records[i].partition = partition;
	log->records[i].member = member;
	atomic_store_explicit(&log->records[i].when, crf_now(), memory_order_release);
}
