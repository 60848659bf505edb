# Shared by the scripts here: where the project is, how to speak, how to become root. Source it.
root=$(cd "$(dirname "$0")/.." && pwd)
deps=$root/.deps

say() { printf '%s\n' "$*" >&2; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# quietly WHAT COMMAND...: runs it with its output in a log; shows the log's end when it fails.
quietly() {
	quietly_what=$1
	shift
	mkdir -p "$deps/log"
	quietly_log=$deps/log/$(printf '%s' "$quietly_what" | tr -c 'a-zA-Z0-9.\n' '-').log
	say "  $quietly_what"
	"$@" >"$quietly_log" 2>&1 </dev/null || {
		tail -15 "$quietly_log" >&2
		fail "$quietly_what failed; the whole log is $quietly_log"
	}
}

# at_least VERSION WANTED
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

jobs() { nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }
