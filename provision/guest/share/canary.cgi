#!/bin/busybox sh
# The canary as the disk has it now, for who asks by HTTP: not out of the guest's memory. A journal
# that is turned while it is read looks like one that is missing, so what is broken is read again.
PATH=/bin
canary=/disk/canary
. /canary.sh
echo 3 >/proc/sys/vm/drop_caches
said=$(check) || said=$(check)
printf 'Content-Type: text/plain\r\n\r\n%s\n' "$said"
