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

# build FOLDER TARGETS-OR-EMPTY MESON-OPTIONS...: configures once, builds what changed. librdkafka: $rdkafka, else what
# scripts/setup built, else the system's. $nice: a command that compiles beside other work.
build() {
	build_dir=$root/$1 build_targets=$2
	shift 2
	build_rdkafka_dir=${rdkafka:-$deps/rdkafka}
	PKG_CONFIG_PATH=$build_rdkafka_dir/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
	export PKG_CONFIG_PATH
	# shellcheck disable=SC2086 # lists of words
	[ -f "$build_dir/build.ninja" ] || quietly "configure $(basename "$build_dir")" ${nice:-} meson setup "$build_dir" "$root" "$@"
	# shellcheck disable=SC2086
	quietly "build $(basename "$build_dir")" ${nice:-} ninja -C "$build_dir" $build_targets
}
