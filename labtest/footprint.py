"""What a cluster consists of, asked by other means than those of the drills themselves.

The record of the drills that ended is not part of it: it is there to stay. Nor is the order in
which Ganeti prints things, which is another one each time: the mark of a list's first line goes.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labtest.conftest import Lab

ON_NODE = """\
lvs --noheadings -o vg_name,lv_name,lv_size | tr -s ' '
ls /var/lib/ganeti/export 2>/dev/null
find /var/lib/gntverify -type f ! -name drills.jsonl 2>/dev/null
ls /sys/class/net | grep -v -e ^tap
grep -e gntverify -e ganeti/export /proc/mounts
cat /proc/drbd | grep cs: | cut -d' ' -f1-5
f=/run/lock/gntverify-drill; [ ! -e $f ] || flock -n $f true || echo locked
pgrep -fc 'agent=.PPID' | grep -v ^0
true
"""
ON_MASTER = """\
gnt-instance list --no-headers -o name,pnode,snodes,status,disk.sizes,nic.links,tags
gnt-node list --no-headers -o name,role,group
gnt-cluster watcher info
gnt-cluster list-tags
gnt-cluster getmaster
told() { grep -vE 'Modification time|Serial number' | sed -E 's/^( *)- /\\1  /'; }
gnt-cluster info | told
gnt-group info 2>/dev/null | told
gnt-instance info --static --all | told
for node in $(gnt-node list --no-headers -o name); do gnt-node list-tags "$node"; done
"""


def footprint(lab: "Lab") -> dict[str, list[str]]:
    """Lines by node; equal before and after whatever left nothing behind."""
    found = {
        node.short: sorted(lab.on(node.short, ON_NODE).splitlines()) for node in lab.site.nodes
    }
    return found | {"cluster": sorted(lab.on(lab.site.nodes[0].short, ON_MASTER).splitlines())}
