"""carafe's verifiable consumers, then Java's, under the same troubles at the same moments, each fed by the same producer.

    beside_java.py [--seed N] [--seeds 1] [--seconds 20] [--members 3] [--protocols classic,consumer] [--faults LIST]

Run by scripts/chaos --beside-java, which says where things are: KAFKA, CARAFE, KAFKA_SCRIPT, NETWORKS_SCRIPT. The exit status
is 1 when carafe lost a message or committed what was not consumed; Java's figures are there to compare."""

import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

PARTITIONS = 6
RATE = 600  # messages a second
SESSION_MS = 6000
HEAL_S = 180
STRATEGY = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
NETWORK = ("cut", "cut-in", "cut-out", "loss", "slow", "reset")
KINDS = ("kill", "stop", "pause") + NETWORK

KAFKA, CARAFE = os.environ["KAFKA"], os.environ["CARAFE"]
KAFKA_SCRIPT, NETWORKS_SCRIPT = os.environ["KAFKA_SCRIPT"], os.environ["NETWORKS_SCRIPT"]
OWNER = str(os.getpid())

Fault = collections.namedtuple("Fault", "at kind member seconds")


def draw(seed, options):
    """What happens when: half of it is over before a session is."""
    dice, faults, at = random.Random(seed), [], 1.0
    while at < options.seconds:
        kind = dice.choice(options.faults)
        seconds = dice.uniform(0.05, 1.5) if dice.random() < 0.5 else dice.uniform(7, 12)
        faults.append(Fault(at, kind, dice.randrange(options.members), min(seconds, 0.4) if kind == "reset" else seconds))
        at += dice.uniform(0.5, 4)
    return faults


class Lines:
    """What a process writes, line by line, as far as it has come."""

    def __init__(self):
        self.file = tempfile.TemporaryFile()
        self.at, self.rest = 0, b""

    def read(self):
        got = os.pread(self.file.fileno(), 1 << 24, self.at)
        self.at += len(got)
        *lines, self.rest = (self.rest + got).split(b"\n")
        return [json.loads(line) for line in lines if line.startswith(b"{")]


class Member:
    def __init__(self, n, command):
        self.n, self.command, self.process = n, command, None
        self.paused_until = self.down_until = self.disturbed_until = 0
        self.outputs = []

    def start(self):
        self.outputs.append(Lines())
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/carafe-{OWNER}-{self.n}"] + self.command,
            stdin=subprocess.DEVNULL, stdout=self.outputs[-1].file, stderr=subprocess.DEVNULL)

    def network(self, what):
        subprocess.run([NETWORKS_SCRIPT, "disturb", OWNER, str(self.n), what], check=True)

    def suffer(self, fault):
        until = time.monotonic() + fault.seconds
        if fault.kind in NETWORK:
            self.network(fault.kind)
            self.disturbed_until = until
        elif self.process is None or self.paused_until:
            return
        elif fault.kind == "pause":
            self.process.send_signal(signal.SIGSTOP)
            self.paused_until = until
        else:
            self.process.send_signal(signal.SIGKILL if fault.kind == "kill" else signal.SIGTERM)
            self.down_until = until

    def tend(self, now):
        if self.disturbed_until and now >= self.disturbed_until:
            self.network("all")
            self.disturbed_until = 0
        if self.process is not None and self.process.poll() is not None:
            self.process, self.paused_until = None, 0
        if self.paused_until and now >= self.paused_until:
            self.process.send_signal(signal.SIGCONT)
            self.paused_until = 0
        if self.process is None and now >= self.down_until:
            self.start()

    def heal(self):
        self.disturbed_until = min(self.disturbed_until, 1)
        self.paused_until = min(self.paused_until, 1)
        self.down_until = 0

    def end(self):
        if self.disturbed_until:
            self.network("all")
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)

    def wait(self):
        if self.process is not None:
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()


class Story:
    """All that the producer and the members of one side have said."""

    def __init__(self):
        self.acked = [{} for _ in range(PARTITIONS)]  # offsets, and when that was
        self.seen = [collections.Counter() for _ in range(PARTITIONS)]
        self.upto = [0] * PARTITIONS  # everything before was consumed
        self.committed = [0] * PARTITIONS
        self.progress = [None] * PARTITIONS  # when there was some last
        self.gap = 0.0
        self.assignments = 0
        self.beyond = []  # commits of what was not consumed

    def produced(self, line, now):
        if line["name"] == "producer_send_success":
            self.acked[line["partition"]][line["offset"]] = now

    def consumed(self, line, now):
        for part in line["partitions"]:
            p = part["partition"]
            self.seen[p].update(range(part["minOffset"], part["maxOffset"] + 1))
            before = self.upto[p]
            while self.seen[p][self.upto[p]]:
                self.upto[p] += 1
            if self.upto[p] > before:
                if self.progress[p] is not None:
                    self.gap = max(self.gap, now - max(self.progress[p], self.acked[p].get(before, now)))
                self.progress[p] = now

    def told(self, line, now):
        if line["name"] == "records_consumed":
            self.consumed(line, now)
        elif line["name"] == "partitions_assigned":
            self.assignments += bool(line["partitions"])

    def commit(self, line):
        for part in line["offsets"] if line["success"] else ():
            p = part["partition"]
            self.committed[p] = part["offset"]
            if part["offset"] > self.upto[p]:
                self.beyond.append(f"{part['offset']} of partition {p}, consumed is everything before {self.upto[p]}")

    def is_complete(self):
        return all(self.acked[p] and min(self.upto[p], self.committed[p]) > max(self.acked[p]) for p in range(PARTITIONS))

    def figures(self, healed):
        acked = sum(map(len, self.acked))
        consumed = sum(self.seen[p][offset] > 0 for p in range(PARTITIONS) for offset in self.acked[p])
        return {
            "acked": acked,
            "consumed": consumed,
            "lost": acked - consumed,
            "handled again": sum(n - 1 for seen in self.seen for n in seen.values() if n > 1),
            "assignments": self.assignments,
            "longest gap of a partition, s": round(self.gap, 1),
            "lag 0 after the last message, s": round(healed, 1) if healed is not None else f"not in {HEAL_S}",
            "commits of what was not consumed": len(self.beyond),
        }


class Side:
    def __init__(self, name, protocol, topic, options):
        self.story, self.topic = Story(), topic
        arguments = ["--topic", topic, "--group-id", topic, "--group-protocol", protocol]
        if protocol == "classic":
            arguments += ["--assignment-strategy", STRATEGY, "--session-timeout", str(SESSION_MS), "--command-config", options.config]
        tool = [CARAFE, "verifiable-consumer", "--bootstrap-server", KAFKA] if name == "carafe" else \
            [KAFKA_SCRIPT, "exec", "--at", KAFKA, "verifiable-consumer"]
        self.members = [Member(n, tool + arguments) for n in range(options.members)]
        self.producer, self.produced = None, Lines()

    def feed(self, count):
        self.producer = subprocess.Popen(
            [CARAFE, "verifiable-producer", "--bootstrap-server", KAFKA, "--topic", self.topic, "--acks", "-1",
             "--throughput", str(RATE), "--max-messages", str(count)],
            stdin=subprocess.DEVNULL, stdout=self.produced.file, stderr=subprocess.DEVNULL)

    def turn(self):
        now = time.monotonic()
        for m in self.members:
            m.tend(now)
        for line in self.produced.read():
            self.story.produced(line, now)
        commits = []
        for line in [line for m in self.members for out in m.outputs for line in out.read()]:
            if line["name"] == "offsets_committed":
                commits.append(line)
            else:
                self.story.told(line, now)
        for line in commits:  # what it is about may have been consumed by another one
            self.story.commit(line)
        time.sleep(0.02)

    def run_until(self, condition, patience):
        until = time.monotonic() + patience
        while not condition():
            if time.monotonic() > until:
                return False
            self.turn()
        return True

    def is_working(self):
        return all(when is not None for when in self.story.progress)

    def run(self, faults, seconds):
        self.feed(RATE * (seconds + 5))
        if not self.run_until(self.is_working, 60):
            sys.exit("beside_java: a group does not begin to work")
        began = time.monotonic()
        for fault in faults:
            self.run_until(lambda at=began + fault.at: time.monotonic() >= at, seconds * 2)
            self.members[fault.member].suffer(fault)
        self.run_until(lambda: time.monotonic() >= began + seconds, seconds * 2)
        for m in self.members:
            m.heal()
        self.run_until(lambda: self.producer.poll() is not None, 120)
        self.turn()
        healed = time.monotonic()  # for some time already: the producer has ended
        done = self.run_until(self.story.is_complete, HEAL_S)
        took = time.monotonic() - healed
        return self.story.figures(took if done else None)

    def end(self):
        if self.producer is not None:
            self.producer.kill()
        for m in self.members:
            m.end()
        for m in self.members:
            m.wait()


def show(title, carafe, java):
    print(title)
    print(f"  {'':36}{'carafe':>12}{'Java':>12}")
    for name in carafe:
        print(f"  {name:36}{carafe[name]:>12}{java[name]:>12}")
    sys.stdout.flush()


def compare(seed, protocol, options):
    """True: nothing that carafe must not do."""
    faults = draw(seed, options)
    counts = collections.Counter(f.kind for f in faults)
    figures = {}
    for name in ("carafe", "java"):
        topic = f"beside-{OWNER}-{seed}-{protocol}-{name}"
        subprocess.run([KAFKA_SCRIPT, "exec", "--at", KAFKA, "topics", "--create", "--topic", topic, "--partitions", str(PARTITIONS)],
                       check=True, stdout=subprocess.DEVNULL)
        side = Side(name, protocol, topic, options)
        try:
            figures[name] = side.run(faults, options.seconds)
        finally:
            side.end()
        for text in side.story.beyond[:3] if name == "carafe" else ():
            print(f"VIOLATION: committed {text}")
    show(f"seed {seed}, {protocol}: " + ", ".join(f"{n} {k}" for k, n in sorted(counts.items())), figures["carafe"], figures["java"])
    return figures["carafe"]["lost"] == 0 and figures["carafe"]["commits of what was not consumed"] == 0


def words_of(known):
    def read(text):
        words = text.split(",")
        for word in words:
            if word not in known:
                raise argparse.ArgumentTypeError(f"{word}: not one of {', '.join(known)}")
        return words
    return read


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what is to be done at the end is done
    parser = argparse.ArgumentParser(prog="scripts/chaos --beside-java")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 16))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--protocols", type=words_of(("classic", "consumer")), default=["classic", "consumer"])
    parser.add_argument("--faults", type=words_of(KINDS), default=list(KINDS))
    options = parser.parse_args()
    with tempfile.NamedTemporaryFile("w", suffix=".properties") as config:
        config.write("heartbeat.interval.ms=1000\n")
        config.flush()
        options.config = config.name
        if subprocess.run([NETWORKS_SCRIPT, "up", OWNER, str(options.members)]).returncode != 0:
            sys.exit(1)
        try:
            good = [compare(seed, protocol, options) for seed in range(options.seed, options.seed + options.seeds)
                    for protocol in options.protocols]
        finally:
            subprocess.run([NETWORKS_SCRIPT, "down", OWNER])
    sys.exit(0 if all(good) else 1)


main()
