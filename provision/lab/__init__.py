"""The lab: virtual nodes, their network, their disks, their packages."""
