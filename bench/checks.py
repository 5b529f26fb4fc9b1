"""The checks that every way runs: what suites of this kind ask, on any Debian machine."""

from typing import Any

SYSCTLS = (
    "kernel.ostype",
    "kernel.hostname",
    "kernel.pid_max",
    "kernel.randomize_va_space",
    "kernel.threads-max",
    "vm.swappiness",
    "vm.overcommit_memory",
    "fs.file-max",
    "net.core.somaxconn",
    "net.ipv4.ip_forward",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.all.accept_redirects",
    "net.ipv4.conf.all.send_redirects",
    "net.ipv4.conf.all.proxy_arp",
    "net.ipv4.conf.all.log_martians",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv4.conf.default.proxy_arp",
)
PACKAGES = ("bash", "coreutils", "dpkg", "libc6", "openssh-client", "sed", "tar", "util-linux")
FILES = ("/etc/passwd", "/etc/group", "/etc/hosts", "/etc/fstab", "/etc/debian_version")
USERS = ("root", "daemon", "bin", "nobody")
COMMANDS = ("ssh", "tar", "sed", "awk")


def run(host: Any) -> int:
    """Run all checks on one of testinfra's hosts; how many there were.

    Raises:
        AssertionError: one does not hold: then this is no Debian machine.
    """
    return sum(check(host) for check in (_kernel, _packages, _files, _users, _system))


def _true(*checks: object) -> int:
    assert all(checks), checks
    return len(checks)


def _kernel(host: Any) -> int:
    return sum(_true(host.sysctl(name) is not None) for name in SYSCTLS)


def _packages(host: Any) -> int:
    return sum(_true(host.package(p).is_installed, host.package(p).version) for p in PACKAGES)


def _files(host: Any) -> int:
    found = (host.file(name) for name in FILES)
    return sum(
        _true(f.exists, f.is_file, f.user == "root", f.group == "root", f.mode & 0o400, f.size)
        for f in found
    )


def _users(host: Any) -> int:
    found = (host.user(name) for name in USERS)
    return sum(_true(u.exists, u.uid is not None, u.shell, u.home) for u in found)


def _system(host: Any) -> int:
    lo = host.interface("lo")
    return (
        _true(host.system_info.type == "linux", host.system_info.distribution == "debian")
        + _true(lo.exists, "127.0.0.1" in lo.addresses)
        + _true(host.mount_point("/").exists, host.group("root").gid == 0)
        + sum(_true(host.exists(name)) for name in COMMANDS)
        + _true(host.file("/etc/hosts").contains("localhost"), host.run("true").rc == 0)
    )
