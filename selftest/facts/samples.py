"""What the tools print on a node of the notes; see the recordings for whole answers."""

IP_LINK = """[
{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"qdisc":"noqueue",
 "operstate":"UNKNOWN","link_type":"loopback","address":"00:00:00:00:00:00"},
{"ifindex":2,"ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,
 "qdisc":"fq_codel","operstate":"UP","link_type":"ether","address":"52:54:00:00:00:01",
 "parentbus":"virtio","parentdev":"virtio2"},
{"ifindex":3,"link":"eth0","ifname":"eth0.2186",
 "flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"master":"xen-br0",
 "operstate":"UP","link_type":"ether","address":"52:54:00:00:00:01",
 "linkinfo":{"info_kind":"vlan","info_data":{"protocol":"802.1Q","id":2186,
 "flags":["REORDER_HDR"]},"info_slave_kind":"bridge","info_slave_data":{"state":"forwarding"}}},
{"ifindex":4,"ifname":"xen-br0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,
 "operstate":"UP","link_type":"ether","address":"52:54:00:00:00:01",
 "linkinfo":{"info_kind":"bridge","info_data":{"forward_delay":0,"hello_time":200,
 "stp_state":0,"bridge_id":"8000.52:54:0:0:0:1","nf_call_iptables":0}}},
{"ifindex":5,"ifname":"vx0","flags":["BROADCAST"],"mtu":1450,"address":"52:54:00:00:00:09",
 "linkinfo":{"info_kind":"vxlan","info_data":{"id":77}}}
]"""

UNITS = "ganeti.service enabled\nganeti.target \ncron.service enabled\n"

MODULES = """\
> /etc/modules-load.d/drbd.conf
| drbd
> /etc/modules-load.d/modules.conf
| # /etc/modules: kernel modules to load at boot time.
| 
|  ; another comment
| dm-mod
> /usr/lib/modules-load.d/drbd.conf
| something_else
"""  # noqa: W291 - an empty line of the file

IP_ADDRESS = """[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536,
"addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo",
"valid_life_time":4294967295,"preferred_life_time":4294967295}]},{},
{"ifindex":4,"ifname":"xen-br0","flags":["UP"],"mtu":1500,
"addr_info":[{"family":"inet","local":"192.168.0.1","prefixlen":16,"broadcast":"192.168.255.255",
"scope":"global","label":"xen-br0"},{"family":"inet","local":"192.168.1.1","prefixlen":16,
"scope":"global","secondary":true,"label":"xen-br0:0"}]},
{"ifindex":6,"ifname":"eth9","addr_info":[{"family":"inet","local":"10.0.0.9","prefixlen":24,
"scope":"global","dynamic":true,"label":"eth9","valid_life_time":3000}]}]"""

IP_ROUTE = """[{"dst":"default","gateway":"192.0.2.254","dev":"eth0","flags":["onlink"]},
{"dst":"192.0.2.0/24","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"192.0.2.1",
"flags":[]},
{"dst":"192.168.0.0/16","dev":"xen-br0","protocol":"kernel","scope":"link","flags":[]},
{"dst":"10.9.0.0/16","nexthops":[{"gateway":"192.168.0.7","dev":"xen-br0","weight":1,"flags":[]},
{"gateway":"192.0.2.7","dev":"eth0","weight":1,"flags":[]}],"flags":[]},
{"type":"local","dst":"127.0.0.1","dev":"lo","table":"local","protocol":"kernel","flags":[]},
{"type":"blackhole","dst":"10.8.0.0/16","flags":[]}]"""

INTERFACES = """> /etc/network/interfaces
| # the provider's side
| source /etc/network/interfaces.d/*
| auto lo
| iface lo inet loopback
|\x20
| auto eth0
| iface eth0 inet static
|     address 192.0.2.1
|     netmask 255.255.255.0
|     gateway 192.0.2.254
> /etc/network/interfaces.d/bridge
| auto xen-br0
| iface xen-br0 inet static
|     address 192.168.0.1
|     netmask \\
|       255.255.0.0
|     bridge_ports eth0.2186
|     bridge_stp off
|     bridge_fd 0
|     up echo one
|     up echo two
"""

SETTERS = """Id=networking.service
ActiveState=active
UnitFileState=enabled

Id=NetworkManager.service
ActiveState=inactive
UnitFileState=

Id=systemd-networkd.service
ActiveState=inactive
UnitFileState=disabled
"""

ARPING = """ARPING 192.168.0.3 from 0.0.0.0 xen-br0
Unicast reply from 192.168.0.3 [A6:7E:66:84:0C:AE]  6.171ms
Sent 1 probes (1 broadcast(s))
Received 1 response(s)
"""

MOUNTS = """{"filesystems": [
 {"target": "/sys", "source": "sysfs", "fstype": "sysfs", "options": "rw,nosuid"},
 {"target": "/", "source": "/dev/md1", "fstype": "ext4", "options": "rw,relatime"},
 {"target": "/srv/nas", "source": "nas:/vol", "fstype": "nfs4", "options": "rw,vers=4.2"}]}"""

FSTAB = """{"filesystems": [
 {"target": "/", "source": "/dev/md1", "fstype": "ext4", "options": "errors=remount-ro"},
 {"target": "none", "source": "/dev/sda2", "fstype": "swap", "options": "defaults"},
 {"target": "/mnt", "source": "/dev/sr0", "fstype": "iso9660", "options": "ro,noauto"}]}"""

FSTAB_CHECK_BAD = """/mnt
   [E] unreachable on boot required target: No such file or directory
/
   [W] cannot detect on-disk filesystem type (Operation not permitted)

0 parse errors, 1 error, 1 warning
"""

SWAPS = "/dev/sda2 partition 1073737728\n/dev/sdb2 partition 1073737728\n"

LSBLK = """{"blockdevices": [
 {"path":"/dev/sda","kname":"sda","pkname":null,"type":"disk","size":15032385536},
 {"path":"/dev/sda1","kname":"sda1","pkname":"sda","type":"part","size":6442450944},
 {"path":"/dev/md1","kname":"md1","pkname":"sda1","type":"raid1","size":6437208064},
 {"path":"/dev/sda2","kname":"sda2","pkname":"sda","type":"part","size":1073741824},
 {"path":"/dev/sdb","kname":"sdb","pkname":null,"type":"disk","size":15032385536},
 {"path":"/dev/sdb1","kname":"sdb1","pkname":"sdb","type":"part","size":6442450944},
 {"path":"/dev/md1","kname":"md1","pkname":"sdb1","type":"raid1","size":6437208064},
 {"path":"/dev/sda5","kname":"sda5","pkname":"sda","type":"part","size":12884901888},
 {"path":"/dev/mapper/xenvg-a_data","kname":"dm-0","pkname":"sda5","type":"lvm","size":1073741824},
 {"path":"/dev/drbd0","kname":"drbd0","pkname":"dm-0","type":"disk","size":1073741824}]}"""

MDSTAT = """Personalities : [raid1] [linear] [raid0] [raid6] [raid5] [raid4] [raid10]\x20
md1 : active raid1 sdb1[1] sda1[0]
      6286336 blocks super 1.2 [2/2] [UU]
     \x20
md2 : active (auto-read-only) raid1 sdc1[2] sdb3[1](F) sda3[0]
      12345 blocks super 1.2 [2/1] [U_]
      [=>...................]  recovery =  8.5% (534464/6286336) finish=1.2min speed=76352K/sec
      bitmap: 1/1 pages [4KB], 65536KB chunk

unused devices: <none>
"""

VGS = """  {"report": [{"vg": [{"vg_name":"xenvg", "vg_size":"25757220864",
 "vg_free":"23605542912", "vg_missing_pv_count":"0"}]}]}"""

PVS = """  {"report": [{"pv": [
 {"pv_name":"/dev/sda5", "vg_name":"xenvg", "pv_size":"12878610432", "pv_missing":""},
 {"pv_name":"/dev/sdb5", "vg_name":"xenvg", "pv_size":"12878610432", "pv_missing":"missing"},
 {"pv_name":"/dev/sdc", "vg_name":"", "pv_size":"12878610432", "pv_missing":""}]}]}"""

LVS = """  {"report": [{"lv": [
 {"lv_name":"2379a162-8faf-4e0d-8dc3-34e1544d1b67.disk0_data", "vg_name":"xenvg",
 "lv_size":"1073741824", "lv_tags":"originstname+vm1.gnt.example", "vg_extent_size":"4194304"},
 {"lv_name":"swap", "vg_name":"xenvg", "lv_size":"1073741824", "lv_tags":"",
 "vg_extent_size":"4194304"}]}]}"""

LVM_DEVICES = """devices {
\tdir="/dev"
\tscan=["/dev"]
\tuse_devicesfile=0
\tfilter=["a|.*|"]
\tglobal_filter="r|/dev/drbd[0-9]+|"
\ttypes=["drbd",16]
\tscan_lvs=0
\tdefault_data_alignment=1
}
"""

CPU = """cpu family\t: 23
flags\t\t: fpu msr svm avx2
model\t\t: 1
model name\t: AMD EPYC Processor
vendor_id\t: AuthenticAMD
"""

LSMEM = """Memory block size:            134217728
Total online memory:         3221225472
Total offline memory:                 0
"""

DRIVES = """{"blockdevices": [
 {"path":"/dev/sda", "type":"disk", "subsystems":"block:scsi:virtio:pci", "size":22014853120,
  "rota":true, "vendor":"QEMU    ", "model":"QEMU HARDDISK"},
 {"path":"/dev/sdb", "type":"disk", "subsystems":"block:scsi:pci", "size":1000204886016,
  "rota":true, "vendor":"ATA     ", "model":"ST1000NM0055-1V4"},
 {"path":"/dev/sdc", "type":"disk", "subsystems":"block:scsi:pseudo", "size":16777216,
  "rota":false, "vendor":"Linux   ", "model":"scsi_debug"},
 {"path":"/dev/sdd", "type":"disk", "subsystems":"block:scsi:usb:pci", "size":0,
  "rota":true, "vendor":"iDRAC   ", "model":"Virtual Floppy"},
 {"path":"/dev/sr0", "type":"rom", "subsystems":"block:scsi:pci", "size":1073741312,
  "rota":true, "vendor":"QEMU    ", "model":"QEMU DVD-ROM"},
 {"path":"/dev/vda", "type":"disk", "subsystems":"block:virtio:pci", "size":22014853120,
  "rota":true, "vendor":"0x1af4", "model":null},
 {"path":"/dev/nvme0n1", "type":"disk", "subsystems":"block:nvme:pci", "size":1000204886016,
  "rota":false, "vendor":null, "model":"SAMSUNG MZVLB1T0HALR-00000"},
 {"path":"/dev/drbd0", "type":"disk", "subsystems":"block", "size":1073741824,
  "rota":true, "vendor":null, "model":null},
 {"path":"/dev/md1", "type":"raid1", "subsystems":"block", "size":8589869056,
  "rota":true, "vendor":null, "model":null}]}"""

NICS = "eth0 virtio_net 1 -1\neno1 igb 1 1000\neno2 igb 0 -1\n"

SMART = (
    '/dev/sda {"smartctl":{"version":[7,3],"exit_status":0},"device":{"type":"scsi"},'
    '"scsi_vendor":"QEMU","smart_support":{"available":false}}\n'
    '/dev/sdb {"smartctl":{"version":[7,3],"exit_status":0},"device":{"type":"sat"},'
    '"smart_support":{"available":true,"enabled":true},"smart_status":{"passed":true}}\n'
    '/dev/nvme0n1 {"smartctl":{"version":[7,3],"exit_status":8},"device":{"type":"nvme"},'
    '"smart_support":{"available":true,"enabled":true},"smart_status":{"passed":false}}\n'
    '/dev/sdc {"smartctl":{"version":[7,3],"messages":[{"string":"Smartctl open device: /dev/sdc '
    'failed: No such device","severity":"error"}],"exit_status":2}}\n'
    "/dev/sde \n"
)

DF = """Mounted on  1B-blocks      Avail Inodes  IFree
/          8416358400 7266086912 262144 244135
/          8416358400 7266086912 262144 244135
/srv/data   107374182400 5368709120      -      -
/var/log   1073741824 536870912 65536 655
"""

BUILD = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)\n"

RELEASES = "5.10.0-31-amd64\n6.1.0-56-amd64\n6.1.0-56-rt-amd64\n6.12.41+deb13-cloud-amd64\n"

OWNERS = """\
diversion by dash from: /bin/sh
diversion by dash to: /bin/sh.distrib
bash, dash: /bin/sh
ganeti-instance-debootstrap: /usr/share/ganeti/os/debootstrap
libc6:amd64: /lib/x86_64-linux-gnu/libc.so.6
"""
PACKAGES = "adduser\tinstalled\t3.134\nganeti\tinstalled\t3.0.2-3\nxz\tconfig-files\t5.4.1-0.2\n"

LOCALES = "C\nC.utf8\nen_US.utf8\nPOSIX\n"

TIMEDATECTL = "Timezone=Etc/UTC\nNTPSynchronized=yes\n"

NAMES = """> node1.gnt.example
192.168.0.1     STREAM node1.gnt.example
192.168.0.1     DGRAM\x20\x20
192.168.0.1     RAW\x20\x20\x20\x20
> nowhere.gnt.example
> clust1.gnt.example
192.168.1.1     STREAM clust1.gnt.example
192.168.1.1     DGRAM\x20\x20
192.168.1.1     RAW\x20\x20\x20\x20
"""

SYSCTL = """net.ipv4.conf.all.forwarding = 1
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.all.proxy_arp = 0
net.ipv4.conf.all.accept_redirects = 1
net.ipv4.conf.default.forwarding = 1
net.ipv4.conf.default.rp_filter = 0
net.ipv4.conf.default.proxy_arp = 0
net.ipv4.conf.default.accept_redirects = 1
net.ipv4.conf.eth0/2186.forwarding = 0
net.ipv4.conf.eth0/2186.rp_filter = 2
net.ipv4.conf.eth0/2186.proxy_arp = 1
net.ipv4.conf.eth0/2186.accept_redirects = 0
"""

DRBD = """version: 8.4.11 (api:1/proto:86-101)
srcversion: 1CAEB8F4C1AF5DC8E2DEDF0\x20
 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----
    ns:1048576 nr:0 dw:1048576 dr:2120 al:8 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
 1: cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate C r-----
    ns:0 nr:154624 dw:154624 dr:0 al:0 bm:0 lo:0 pe:3 ua:0 ap:0 ep:1 wo:f oos:893952
\t[=>..................] sync'ed: 15.0% (893952/1048576)K
\tfinish: 1:02:33 speed: 25,728 (25,728) want: 30,000 K/sec (stalled)

 4: cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown   r-----
    ns:0 nr:0 dw:0 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:4096
 5: cs:Unconfigured
"""

BRIDGE_CALLS = """> /proc/sys/kernel/osrelease
| 6.1.0-26-amd64
> /proc/sys/net/bridge/bridge-nf-call-arptables
| 0
> /proc/sys/net/bridge/bridge-nf-call-ip6tables
| 0
> /proc/sys/net/bridge/bridge-nf-call-iptables
| 1
"""

DRBD_ENDS = """resource resource0
_remote_host ipv4 192.168.0.1:11001;
_this_host ipv4 192.168.0.2:11001;
resource resource1
"""

SOCKETS = """LISTEN    0       128          0.0.0.0:22        0.0.0.0:*
TIME-WAIT 0       0        192.168.0.2:40248 192.168.0.1:11001
ESTAB     1745080 0        192.168.0.2:33349 192.168.0.3:39640
ESTAB     0       0        192.168.0.2:41387 192.168.0.1:11001
ESTAB     0       0        192.168.0.2:11001 192.168.0.1:54787
LISTEN    0       128                *:1815            *:*
LISTEN    0       128             [::]:22           [::]:*
"""

REACH = """192.168.0.2 is alive
192.168.0.3 is unreachable
192.168.0.2 tcp 0
192.168.0.3 tcp 1
"""

LOSSES = """192.168.0.2 : xmt/rcv/%loss = 50/44/12%, min/avg/max = 0.964/1.64/4.14
ICMP Host Unreachable from 192.168.0.1 for ICMP Echo sent to 192.168.0.3
192.168.0.3 : xmt/rcv/%loss = 50/0/100%
"""

TREE = """\
d 755 /usr/share/ganeti/os
d 755 /usr/share/ganeti/os/noop
f 755 /usr/share/ganeti/os/noop/create
l 777 /usr/share/ganeti/os/noop/variants.list
26461185352e5a3a8371805a59f7705a696575685694c8a2b84882401c7c1fdb  /usr/share/ganeti/os/noop/create
"""
