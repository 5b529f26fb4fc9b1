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
Default hypervisor: kvm
Enabled hypervisors: kvm, xen-pvm
Hypervisor parameters: 
  kvm: 
    acpi: True
    boot_order: disk
Cluster parameters: 
  candidate pool size: 10
  master netdev: xen-br0
  master netmask: 16
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
node1.gnt.example|M|192.168.0.1|192.168.0.1|4c2b26f2-0510-43ef-ba94-2a91e6ae5b66|Y|Y
node2.gnt.example|C|192.168.0.2|192.168.0.2|a7aa407c-4e5f-4de2-aad5-6f0bb3d35fda|Y|N
node3.gnt.example|O|192.168.0.3|10.0.0.3|affde931-4265-4cc5-8b2f-d51d4b81f4b5|N|Y
"""

GROUPS = """\
node1.gnt.example|default
node2.gnt.example|default
node3.gnt.example|rack2
"""

ROOMS = """\
node1.gnt.example|2971|2320
node2.gnt.example|2971|2627
node3.gnt.example|?|?
"""

# the columns of instances.FIELDS; vm3 is one that a lab has not: of Xen, on a node that is gone
INSTANCES = """\
vm1.gnt.example|kvm|noop|drbd|up|node1.gnt.example|node2.gnt.example|1024|128|128|1|Y|bridged\
|xen-br0|aa:00:00:ea:56:6f|None|Y|N|N|host|||disk|||||||
vm2.gnt.example|kvm|noop|plain|down|node3.gnt.example||1024|128|128|1|Y|bridged|xen-br0\
|aa:00:00:75:a9:2f|None|Y|N|N|host|||disk|||||||
vm3.gnt.example|xen-pvm|debootstrap+default|diskless|up|node3.gnt.example|||512|1024|2|N\
|bridged,routed|xen-br0,main|aa:00:00:75:a9:30,AA:00:00:75:A9:31|None,192.0.2.77|-|-|-|-\
|/boot/vmlinuz-3-xenU||-|-|-|-|-|-|-|-
"""

LIVE = """\
vm1.gnt.example|Y|128|1
vm2.gnt.example|N|-|-
vm3.gnt.example|?|?|?
"""

PROCESSES_OF_KVM = """\
> vm1.gnt.example 3414 kvm
| -name vm1.gnt.example
| -m 128
| -smp 1
| -serial unix:/var/run/ganeti/kvm-hypervisor/ctrl/vm1.gnt.example.serial,server,nowait
| -cpu host
> vm4.gnt.example 3500 emulated
| -cpu host
| -name vm4.gnt.example
| -drive file=/home/vendors/debian.iso,media=cdrom,format=raw,if=ide
| -serial none
| -vnc 127.0.0.1:5101
| -spice addr=192.168.0.1,port=11004,disable-ticketing
| -cpu qemu64
"""

TAPS = """\
> /var/run/ganeti/kvm-hypervisor/nic/vm1.gnt.example/0
| tap0
> /var/run/ganeti/kvm-hypervisor/nic/vm1.gnt.example/1
| tap2
"""

WRAPPER = "script\nlocal diversion of /usr/bin/kvm to /usr/bin/kvm.real\n"

STAT = "> 600 root /etc/ganeti/vnc.pw\nabsent /boot/vmlinuz-3-kvmU\n"

SHELF = """\
now 1795574687 in /var/lib/ganeti/export
> vm2.gnt.example
| version = 0
| timestamp = 1795574644
| os = noop
| disk_template = plain
| hypervisor = kvm
| disk0_dump = 8380fc92-5a5b-4a0e-9232-5eb7e3906e78
| disk0_size = 1024
| disk_count = 1
file 600 1073741824 vm2.gnt.example/8380fc92-5a5b-4a0e-9232-5eb7e3906e78
file 600 1914 vm2.gnt.example/config.ini
> vm9.gnt.example
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

IMAGE_SETTINGS = """\
> /etc/default/ganeti-instance-image
| IMAGE_DIR="/srv/images/"
| CUSTOMIZE_DIR=""
> /etc/ganeti/instance-image/variants/bookworm.conf
| IMAGE_NAME="debian-12"
| IMAGE_DIR=/srv/images
> /etc/ganeti/instance-image/variants/web.conf
| export IMAGE_NAME='web'
| IMAGE_URL="http://192.168.0.9/images"
"""

IMAGE_PARTS = """\
hook grub runs
hook interfaces -
instance vm2.gnt.example "vlan42"
instance vm3 vlan7
instance vm4 
subnet vlan42 -
"""  # noqa: W291 - no subnet is named

IMAGE_TEMPLATES = f"""\
1048576 share:nas:/images /srv/images/debian-12-x86_64-root.dump
12 {"ab" * 32} /srv/images/with blank-x86_64.img
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

DIGEST = "sha1 Fingerprint=F2:47:61:F2:F7:95:B8:E0:EC:69:3B:F1:16:3C:1E:B1:41:33:FD:22\n"

HASH = f"{'0123456789abcdef' * 4}  /var/lib/ganeti/known_hosts\n"

COPIES = f"""\
now 1795575480
changed 1795575442 config.data
changed 1795575380 hmac.key
changed 1795574013 cluster-domain-secret
changed 1795574007 server.pem
changed 1795574010 rapi.pem
changed 1795574013 spice-ca.pem
changed 1795574263 ssconf_cluster_name
changed 1795574735 rapi/users
{"01" * 32}  config.data
{"ab" * 32}  hmac.key
{"02" * 32}  cluster-domain-secret
{"03" * 32}  server.pem
{"04" * 32}  rapi.pem
sha256sum: spice.pem: No such file or directory
{"05" * 32}  spice-ca.pem
{"06" * 32}  ssconf_cluster_name
{"07" * 32}  rapi/users
"""

PACKAGED = """\
package ganeti
package ganeti-3.0
mode -rwxr-xr-x 755 root:root /usr/lib/ganeti/3.0/usr/lib/ganeti/kvm-ifup
mode -rw-rw-rw- 666 nobody:root /etc/default/ganeti
verify ??5?????? c /etc/default/ganeti
verify missing   c /etc/logrotate.d/ganeti
end
"""

MODES = """\
755 gnt-masterd:gnt-masterd /var/lib/ganeti
640 gnt-masterd:gnt-masterd /var/lib/ganeti/cluster-domain-secret
640 gnt-masterd:gnt-confd /var/lib/ganeti/config.data
440 gnt-confd:gnt-masterd /var/lib/ganeti/hmac.key
644 gnt-masterd:gnt-masterd /var/lib/ganeti/known_hosts
440 gnt-rapi:gnt-masterd /var/lib/ganeti/rapi.pem
440 root:gnt-masterd /var/lib/ganeti/spice.pem
440 root:gnt-masterd /var/lib/ganeti/spice-ca.pem
440 gnt-masterd:gnt-masterd /var/lib/ganeti/server.pem
stat: cannot statx '/var/lib/ganeti/client.pem': No such file or directory
444 root:root /var/lib/ganeti/ssconf_master_node
750 gnt-masterd:gnt-daemons /var/lib/ganeti/queue
640 gnt-masterd:gnt-daemons /var/lib/ganeti/queue/lock
640 gnt-masterd:gnt-daemons /var/lib/ganeti/queue/version
750 gnt-masterd:gnt-daemons /var/lib/ganeti/queue/archive
750 gnt-rapi:gnt-masterd /var/lib/ganeti/rapi
775 gnt-masterd:gnt-daemons /var/run/ganeti
770 gnt-masterd:gnt-daemons /var/run/ganeti/socket
660 gnt-masterd:gnt-daemons /var/run/ganeti/socket/ganeti-query
600 gnt-masterd:gnt-daemons /var/run/ganeti/socket/ganeti-wconfd
600 gnt-metad:gnt-daemons /var/run/ganeti/socket/ganeti-metad
700 root:gnt-masterd /var/run/ganeti/crypto
755 root:gnt-masterd /var/run/ganeti/bdev-cache
755 root:gnt-masterd /var/run/ganeti/import-export
755 root:gnt-masterd /var/run/ganeti/instance-disks
755 root:root /var/run/ganeti/instance-reason
750 gnt-masterd:gnt-daemons /var/run/ganeti/livelocks
750 gnt-masterd:gnt-daemons /var/run/ganeti/luxidmessages
750 root:gnt-masterd /var/run/ganeti/uid-pool
770 gnt-masterd:gnt-daemons /var/log/ganeti
750 root:gnt-daemons /var/log/ganeti/os
750 root:gnt-daemons /var/log/ganeti/kvm
750 root:gnt-daemons /var/log/ganeti/xen
750 root:root /var/log/ganeti/cleaner
750 gnt-masterd:gnt-masterd /var/log/ganeti/master-cleaner
600 root:gnt-masterd /var/log/ganeti/node-daemon.log
600 gnt-confd:gnt-masterd /var/log/ganeti/conf-daemon.log
600 gnt-masterd:gnt-masterd /var/log/ganeti/luxi-daemon.log
600 gnt-rapi:gnt-masterd /var/log/ganeti/rapi-daemon.log
600 root:gnt-masterd /var/log/ganeti/monitoring-daemon.log
600 gnt-masterd:gnt-confd /var/log/ganeti/wconf-daemon.log
600 gnt-masterd:gnt-confd /var/log/ganeti/kvm-daemon.log
600 gnt-masterd:gnt-confd /var/log/ganeti/meta-daemon.log
"""

GREETING = """\
file sha256 Fingerprint=F0:B3:A3:C0:2A:8A:23:9C:0F:96:4B:19:02:CB:6F:8B:\
D3:6E:CD:3B:CD:D8:4D:08:AE:83:41:D7:47:83:42:BB
shown sha256 Fingerprint=F0:B3:A3:C0:2A:8A:23:9C:0F:96:4B:19:02:CB:6F:8B:\
D3:6E:CD:3B:CD:D8:4D:08:AE:83:41:D7:47:83:42:BB
tls1 refused
tls1_1 refused
"""

STATUSES = "/2/info 401\n/2/nodes 401\n/2/instances 401\n/2/jobs 200\n"

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

JOBS = """\
now 1795575239
24|running|[1795575192, 356228]|OS_DIAGNOSE
25|queued|[1795571639, 391574]|GROUP_VERIFY_DISKS(678e88f9-c6f2-4bf1-8f4b-91b9841f7978)
"""

DRAINED = "The drain flag is unset\n"

VERSIONS = """\
software mon-collector (ganeti) version 3.0.2-3
configuration 3000000
used /usr/lib/ganeti/3.0
installed /usr/lib/ganeti/3.0
"""

MACHINES = """\
machine 3414 vm1.gnt.example
machine 3415 guest=stray,debug-threads=on
machine 3416 
end
"""  # noqa: W291 - the last one has no name

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

# what mirrors.command() prints of an instance with two mirrored disks
MIRRORS = (
    '[{"port": 11005, "minors": {"node2.gnt.example": 4, "node1.gnt.example": 2}}, '
    '{"port": 11006, "minors": {"node2.gnt.example": 5, "node1.gnt.example": 3}}]\n'
)

JOB = """\
[{"name": "OP_INSTANCE_CREATE", "status": "success", "result": ["node1", "node2"],
"log": [[1795585753, "* creating instance disks..."]]}]
"""

SUBMITTED = "JobID: 12\n"

BURNIN = """\
[1764057600.1, "out", "- Testing global parameters"]
[1764057600.2, "out", "- Creating instances"]
[1764057600.3, "out", "  * instance gntverify-a1b2c3-600.gnt.example"]
[1764057645.5, "out", "- Stopping and starting instances"]
[1764057660.0, "out", "- Error detected: opcode buffer follows:"]
[1764057660.1, "err", "ganeti.errors.OpExecError: Could not start instance"]
[1764057660.2, "status", "1"]
"""
BURNIN_JOBS = (
    '[{"id": 44, "received": 1764057600.4, "ops": [{"name": "OP_INSTANCE_CREATE", '
    '"status": "success", "result": [], "log": [[1764057610, " - WARNING: it died"]]}]}]'
)
COMMAND_LINE = """\
4711
/usr/bin/kvm
-name
vm1.gnt.example
-m
128
-smp
1
-boot
c
-vnc
127.0.0.1:5100
-drive
file=/var/run/ganeti/instance-disks/vm1.gnt.example:0,format=raw,if=none,id=disk-1
-device
virtio-net-pci,id=nic-1,netdev=nic-1,mac=aa:00:00:01:02:03
"""
CARDS = "tap0 xen-br0\ntap1 xen-br0\n"
