"""What keeps burn-in on the master, and what takes away what it made: the texts that run there."""

import shlex

from gntverify.drills.pings import SCRATCH
from gntverify.ganeti.burnin import SCAN, Order
from gntverify.ganeti.exports import DIRECTORY as EXPORTS

# Runs burn-in and writes down what it says: [time, "out" | "err" | "status", text] a line. It
# ends with the agent that started it, or with its unit. A status is the last there is.
KEEPER = """\
import json, os, subprocess, sys, threading, time
agent, path, *argv = sys.argv[1:]
child = subprocess.Popen(
    argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
)
lock = threading.Lock()
kept = open(path, "a")
def say(kind, text):
    with lock:
        kept.write(json.dumps([time.time(), kind, text]) + "\\n")
        kept.flush()
def copy(kind, stream):
    for line in stream:
        say(kind, line.decode("utf-8", "replace").rstrip("\\n"))
def watch():
    while os.path.exists("/proc/" + agent):
        time.sleep(0.5)
    child.kill()
copies = [
    threading.Thread(target=copy, args=pair)
    for pair in (("out", child.stdout), ("err", child.stderr))
]
for thread in copies + [threading.Thread(target=watch, daemon=True)]:
    thread.start()
for thread in copies:
    thread.join()
say("status", str(child.wait()))
"""
# $PPID is the agent. $1: unit, $2: directory, $3: seconds, $4: keeper, then burn-in's words.
START = """\
unit=$1 place=$2 limit=$3 keeper=$4; shift 4
[ -x "$1" ] || { echo "there is no $1 on the master" >&2; exit 1; }
umask 077; mkdir -p "$place" && : > "$place/said" || exit
exec systemd-run --quiet --collect --unit="$unit" --property=RuntimeMaxSec="$limit" \\
    --property=KillSignal=SIGKILL --setenv=LC_ALL=C.UTF-8 \\
    -- python3 -c "$keeper" "$PPID" "$place/said" "$@"
"""
# Waits for more than $2 bytes; then a line on the unit, and what is beyond them.
HEAR = """\
tries=0
while [ "$(stat -c %s "$1")" -le "$2" ] && systemctl is-active --quiet "$3"; do
    tries=$((tries + 1)); [ $tries -lt 15 ] || break
    sleep 1
done
if systemctl is-active --quiet "$3"; then echo runs; else echo ended; fi
tail -c "+$(($2 + 1))" "$1"
"""
# What burn-in has submitted goes on without it, and may create what was removed before.
_AWAIT = (
    SCAN
    + """\
import time
ENDED = ("success", "error", "canceled")
reason, since = sys.argv[1], float(sys.argv[2])
while any(op["status"] not in ENDED for job in jobs(reason, since) for op in job["ops"]):
    time.sleep(1)
added = [
    change[-1].get("name")
    for job in jobs(reason, since) for op in job["ops"]
    if op["input"].get("instance_name") == sys.argv[3]
    for change in op["input"].get("disks") or [] if isinstance(change, list) and change[0] == "add"
]
with open("/var/lib/ganeti/config.data") as file:
    config = json.load(file)
used = [disk for instance in config["instances"].values() for disk in instance.get("disks", [])]
for uuid, disk in config["disks"].items():
    if uuid not in used and disk.get("name") and disk["name"] in added:
        print(uuid)
"""
)
# $1: reason, $2: since, $3: name, $4: OS, $5: template, $6: the script above. An instance of
# that name that is not as burn-in made it is somebody else's. A detached disk goes with its
# instance, there is no other way to remove one.
_REMOVE = """\
detached=$(python3 -c "$6" "$1" "$2" "$3") || exit
there=$(gnt-instance list --no-headers "--separator=|" --output=name,os,disk_template) || exit
printf "%s\\n" "$there" | grep -qxF "$3|$4|$5" || {
    [ -z "$detached" ] || { echo "a disk of $3 is left: $detached" >&2; exit 1; }
    exit 0
}
for disk in $detached; do gnt-instance modify --disk "attach:uuid=$disk" "$3" || exit; done
gnt-instance remove --force --shutdown-timeout=0 --ignore-failures "$3"
"""


def stopping(unit: str, place: str) -> str:
    """Shell text that stops burn-in and removes what it said."""
    return (
        f"systemctl stop {unit} 2>/dev/null; systemctl reset-failed {unit} 2>/dev/null; "
        f"if systemctl is-active --quiet {unit}; then echo {unit} still runs >&2; exit 1; fi; "
        f"rm -rf {shlex.quote(place)}; rmdir {SCRATCH} 2>/dev/null; true"
    )


def removing(order: Order, name: str, since: float) -> str:
    """Shell text that removes an instance of burn-in's once its jobs have ended."""
    argv = (order.reason, f"{since:.3f}", name, order.os, order.template, _AWAIT)
    return shlex.join(["sh", "-c", _REMOVE, "sh", *argv])


def forgetting(names: tuple[str, ...]) -> str:
    """Shell text that removes exports of burn-in's instances on a node."""
    paths = [f"{EXPORTS}/{name}{end}" for name in names for end in ("", ".new")]
    return f"rm -rf -- {' '.join(map(shlex.quote, paths))}"
