"""Excerpts of what a cluster of Ganeti 3.0.2 answers."""

PROCESSES = """\
   2165       1 ganeti-wconfd   /usr/sbin/ganeti-wconfd
   2428       1 ganeti-confd    /usr/sbin/ganeti-confd -b 192.168.0.1
   2475       1 ganeti-noded    /usr/bin/python3 /usr/sbin/ganeti-noded -b 192.168.0.1
   2495       1 ganeti-rapi     /usr/bin/python3 /usr/sbin/ganeti-rapi -b 192.168.1.1
   3321    2475 ganeti-noded    /usr/bin/python3 /usr/sbin/ganeti-noded -b 192.168.0.1
   3344    2475 ganeti-noded    [ganeti-noded] <defunct>
"""

STARTED = "ganeti-noded\nganeti-confd\nganeti-wconfd\nganeti-rapi\nganeti-luxid\nganeti-kvmd\n"

LISTENERS = """\
udp UNCONN 0      0      192.168.0.1:1814 0.0.0.0:* users:(("ganeti-confd",pid=2428,fd=7))
udp UNCONN 0      0            [::1]:323     [::]:* users:(("chronyd",pid=522,fd=6))
udp UNCONN 0      0 192.168.0.1%eth0:68   0.0.0.0:*
tcp LISTEN 0      1024   192.168.0.1:1811 0.0.0.0:* users:(("ganeti-noded",pid=2475,fd=10))
tcp LISTEN 0      128              *:9100       *:* users:(("node_exporter",pid=99,fd=3))
tcp LISTEN 0      128           [::]:22      [::]:* users:(("sshd",pid=519,fd=4),\
("(in it)",pid=1,fd=9))
"""

DEFAULTS = """\
# Default arguments for Ganeti daemons
NODED_ARGS="-b 192.168.0.1"
RAPI_ARGS="-b 192.168.1.1 --require-authentication"
export CONFD_ARGS='-b 192.168.0.1'  # the watcher starts it
#MOND_ARGS="-b 192.168.0.1"

LUXID_ARGS=
"""

INFO = """\
Cluster name: clust1.gnt.example
Creation time: 2026-11-24 16:07:31
Master node: node1.gnt.example
Tags: (none)
Enabled hypervisors: kvm, xen-pvm
Hypervisor parameters: 
  kvm: 
    acpi: True
    boot_order: disk
Cluster parameters: 
  master netdev: xen-br0
  lvm volume group: xenvg
  drbd usermode helper: /bin/true
  OS search path: /srv/ganeti/os, /usr/share/ganeti/os
  enabled disk templates: drbd, plain
  compression tools: 
    - gzip
    - gzip-fast
  enabled user shutdown: False
Instance policy - limits for instances: 
  bounds specs: 
    - max/0: 
        cpu-count: 8
"""  # noqa: W291 - Ganeti prints these blanks

NODES = """\
node1.gnt.example|M|192.168.0.1|192.168.0.1|4c2b26f2-0510-43ef-ba94-2a91e6ae5b66
node2.gnt.example|C|192.168.0.2|192.168.0.2|a7aa407c-4e5f-4de2-aad5-6f0bb3d35fda
node3.gnt.example|O|192.168.0.3|10.0.0.3|affde931-4265-4cc5-8b2f-d51d4b81f4b5
"""

INSTANCES = """\
vm1.gnt.example|drbd|up|node1.gnt.example|node2.gnt.example
vm2.gnt.example|plain|down|node3.gnt.example|
"""

OSES = """\
OS: debootstrap [global status: partial valid] [hidden]
  Variants: [default]
  Node: node1, status: valid (path: /srv/ganeti/os/debootstrap) [API versions: 20, 15] \
[variants: default, minimal] [parameters: filesystem] [trusted]
    [hidden] path: /usr/share/ganeti/os/debootstrap, status: valid
  Node: node2, status: invalid - OS API version file doesn't exist: /srv/x (path: \
/srv/ganeti/os/debootstrap) [no API versions declared] [untrusted]
  Node: node3, status: OS not found

OS: noop [global status: valid]
  Node: node1, status: valid (path: /usr/share/ganeti/os/noop) [API versions: 20] \
[no variants] [no parameters] [trusted]

"""

DATES = """\
now 1795537873
server notAfter=Nov 24 16:31:13 2031 GMT
rapi notAfter=Nov 25 16:31:13 2026 GMT
spice absent
client notAfter=Nov  4 16:31:13 2026 GMT
"""

USERS = """\
file 640 gnt-rapi:gnt-masterd
user alice ha1 write
user bob clear read,write
user carol unknown -
"""

HASH = f"{'0123456789abcdef' * 4}  /var/lib/ganeti/known_hosts\n"

LOGINS = "node3.gnt.example 0\nnode2.gnt.example 255\n"

SSCONF = """\
> /var/lib/ganeti/ssconf_cluster_name
| clust1.gnt.example
> /var/lib/ganeti/ssconf_cluster_tags
> /var/lib/ganeti/ssconf_enabled_user_shutdown
| False
> /var/lib/ganeti/ssconf_node_primary_ips
| node1.gnt.example 192.168.0.1
| node2.gnt.example 192.168.0.2
"""

VERIFY = """\
Submitted jobs 17, 18
Waiting for job 17 ...
Tue Nov 24 16:29:28 2026 * Verifying cluster config
Tue Nov 24 16:29:28 2026 * Verifying cluster certificate files
Tue Nov  3 16:29:28 2026   - WARNING:ECLUSTERCERT:cluster:None:Certificate /var/lib/ganeti/x.pem \
expires in 3 days
Waiting for job 18 ...
Tue Nov 24 16:29:42 2026 * Verifying group 'default'
Tue Nov 24 16:30:31 2026 * Verifying node status
Tue Nov 24 16:30:31 2026   - ERROR:ENODENET:node:node2.gnt.example:tcp communication with node \
'node3.gnt.example': failure using the primary interface: connection refused
Tue Nov 24 16:30:32 2026   - ERROR:EINSTANCEDOWN:instance:vm1.gnt.example:instance not running on \
its primary node node1.gnt.example
Tue Nov 24 16:30:35 2026 * Hooks Results
1 job(s) failed while verifying the cluster.
"""

WATCHER = """\
now 1795537837
ran 1795537561
ran 1795537800
pause 1795541437
cron active
line */5 * * * * root [ -x /usr/sbin/ganeti-watcher ] && /usr/sbin/ganeti-watcher
line # */5 * * * * root [ -x /usr/sbin/ganeti-watcher ] && /usr/sbin/ganeti-watcher
"""
