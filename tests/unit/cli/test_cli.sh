#!/bin/sh
# The programs as a person meets them: exit statuses, what goes where, a new project from nothing. No Kafka needed.
#   test_cli.sh BUILD-FOLDER SOURCE-FOLDER SANITIZERS
set -u
build=$1
source=$2
sanitize=$3
app=$build/examples/packages
tool=$build/src/carafe
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset CARAFE_ENV CARAFE_CONFIG
count=0

ok() { # WHAT STATUS-OF-THE-LAST-COMMAND
	count=$((count + 1))
	if [ "$2" = 0 ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		sed 's/^/# /' out err 2>/dev/null
	fi
}

# exits STATUS WORDS...: that exit status, output in out and err.
exits() {
	want=$1
	shift
	"$@" >out 2>err
	got=$?
	name=$(basename "$1")
	shift
	[ "$got" = "$want" ]
	ok "$name $* exits with $want" $?
	[ "$got" = "$want" ] || echo "# it exited with $got"
}
says() { # FILE TEXT
	grep -qF -- "$2" "$1"
	ok "... and says \"$2\" on $1" $?
}
silent() { # FILE
	[ ! -s "$1" ]
	ok "... and nothing on $1" $?
}

exits 64 "$app"
says err "Usage: packages COMMAND"
silent out
exits 0 "$app" --version
says out "carafe "
exits 0 "$app" help
silent err
exits 64 "$app" sever
says err "did you mean server?"
exits 64 "$app" server --exit-eol
exits 0 "$app" server --help
exits 64 "$app" server -X nonsense
exits 78 "$app" server -X fetch.min.byte=1 -X concurrency=0
says err "fetch.min.byte: "
says err "did you mean fetch.min.bytes?"
says err "concurrency: "
says err "mistakes in the configuration"
exits 78 "$app" server -F missing.conf -X bootstrap.servers=127.0.0.1:1
exits 78 "$app" server -g nobody -X bootstrap.servers=127.0.0.1:1
exits 64 "$app" server -t "" -X bootstrap.servers=127.0.0.1:1 -X boot_timeout=500
says err "--topics names nothing"
exits 64 "$app" dev --groups ", "
exits 69 "$app" server --exclude-topics "" -X bootstrap.servers=127.0.0.1:1 -X boot_timeout=500
exits 78 "$app" info
says out "Settings of carafe"
says err "a server would not start"
exits 0 "$app" info -X bootstrap.servers=127.0.0.1:1 -X sasl.password=geheim
! grep -q geheim out
ok "... and keeps the password to itself" $?
exits 0 "$app" info --json -X bootstrap.servers=127.0.0.1:1
silent err
exits 69 "$app" server -X bootstrap.servers=127.0.0.1:1 -X boot_timeout=500
echo x >line
exits 69 "$app" produce packages --file line -X bootstrap.servers=127.0.0.1:1 -X boot_timeout=500
exits 64 "$app" produce packages --file missing -X bootstrap.servers=127.0.0.1:1
exits 64 "$app" dev --seed nonsense

# Two good ones, one with an odd homepage, one that is no package at all.
{
	printf 'a\t1\t10\tAnna <a@example.org>\tgames\thttps://example.org\n'
	printf 'b\t1\t10\tAnna <a@example.org>\tgames\tgopher://example.org\n'
	printf 'nonsense\n'
	printf 'c\t1\t10\tAnna <a@example.org>\tgames\t\n'
} >seed
exits 0 "$app" dev --exit-eof --seed packages=seed
says err "wrote 4 messages to packages"
says err "consumed 2 messages"
says err "dead-lettered 2"
says err "dead letters: 2 in packages.dead"
says err "b: no browser opens gopher://example.org"
exits 0 "$app" dev --exit-eof --seed packages=seed --log-format json -X bootstrap.servers=198.51.100.1:9092
says err '"event":"dead_letter_queue.dispatched"'

# The live line comes and goes with a terminal.
if command -v script >/dev/null; then
	TERM=xterm script -qec "$app dev --exit-eof --seed packages=seed" tty </dev/null >/dev/null 2>&1
	grep -q ' consumed  .* retried  .* dead-lettered' tty
	ok "a terminal shows counts while it runs" $?
	TERM=dumb script -qec "$app dev --exit-eof --seed packages=seed" tty </dev/null >/dev/null 2>&1
	! grep -q ' consumed  .* retried' tty
	ok "... unless it is a dumb one" $?
fi

# What the pages show compiles: README's example as it is, those of getting-started, each a block of its own.
block() { awk -v n="$2" '/^```c/ { if (++i == n) { on = 1; next } } /^```/ { on = 0 } on' "$1"; }
compiles() { # FILE
	"${CC:-cc}" -std=c11 -Wall -Wextra -Werror -Wno-unused -I"$source/include" -fsyntax-only "$1" >out 2>err
}
block "$source/README.md" 1 >readme.c
compiles readme.c
ok "README's example compiles" $?
page=$source/docs/getting-started.md
head='#include <stdio.h>
#include <carafe/carafe.h>'
for n in 1 2 3 4; do
	{
		echo "$head"
		[ $n != 3 ] || echo 'void draw(carafe_route *r); void draw(carafe_route *r) {'
		block "$page" $n
		[ $n != 3 ] || echo '}'
	} >page.c
	compiles page.c
	ok "getting-started, example $n compiles" $?
done

exits 64 "$tool" verifiable-producer --bootstrap-server 127.0.0.1:1 --topic x --max-messages 0 --message-create-time 0
says err "--message-create-time 0: "

exits 0 "$tool" new shop
exits 70 "$tool" new shop
says err "nothing was written"
exits 64 "$tool" new ../shop
exits 0 "$tool" new bar --dir elsewhere
[ -f elsewhere/bar.conf ]
ok "a project goes where it is told" $?

# As its README says, against the library as it is installed.
case $sanitize in
none) flags=-O2 ;;
*) flags="-fsanitize=$sanitize" ;;
esac
meson install -C "$build" --no-rebuild --destdir "$dir/root" >out 2>&1
ok "installs" $?
pc=$(find root -name carafe.pc)
sed "s|^prefix=|&$dir/root|" "$pc" >pc && mv pc "$pc"
PKG_CONFIG_PATH=$dir/$(dirname "$pc")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
make -C shop CFLAGS="$flags -Werror" >out 2>err
ok "a new project builds with make" $?
(cd shop && ./shop dev --seed orders=orders.txt --exit-eof) >out 2>err
ok "... and runs" $?
says out "12 tumblers"
says err "consumed 3 messages"
says err "dead letters: 1 in orders.dead"
(cd shop && ./shop info -F shop.conf) >out 2>err
ok "... and its settings are in order" $?
[ "$sanitize" != none ] || {
	{ meson setup shop/build shop && ninja -C shop/build && shop/build/shop version; } >out 2>err
	ok "a new project builds with meson" $?
}
[ -f "$(find root -name carafe.1)" ] && [ -f "$(find root -name carafe.bash)" ] && [ -f "$(find root -name _carafe)" ]
ok "the man page and completions are installed" $?
echo "1..$count"
