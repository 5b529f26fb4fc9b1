"""A private apt: Debian packages without touching the host's sources, lists or cache.

Everything lives under one directory. The mirror, its keys and any proxy are those of the host's
own apt configuration; only state, cache and the list of sources are replaced. It never runs
``dpkg``, needs no root, and installs nothing.
"""

import hashlib
import re
import shlex
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gntverify.deadline import scaled
from gntverify.errors import CommandFailed, CommandTimeout, SiteError

UPDATE_LIMIT_S = 300.0
DOWNLOAD_LIMIT_S = 1800.0

_HOOKS = ("APT::Update::Post-Invoke", "APT::Update::Post-Invoke-Success", "DPkg::Post-Invoke")


@dataclass(frozen=True)
class Source:
    """One suite of one repository, as apt has it."""

    uri: str
    suite: str
    components: tuple[str, ...]

    def line(self) -> str:
        """The source in apt's one-line format."""
        return f"deb {self.uri} {self.suite} {' '.join(self.components)}"


@dataclass(frozen=True)
class Deb:
    """One package file on disk, with its control stanza."""

    name: str
    version: str
    path: Path
    stanza: str


def parse_indextargets(text: str) -> tuple[Source, ...]:
    """Sources from ``apt-get indextargets``, one per repository and suite, in apt's order."""
    found: dict[tuple[str, str], list[str]] = {}
    for block in text.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", block, re.MULTILINE))
        if fields.get("Created-By") != "Packages" or fields.get("Target-Of") != "deb":
            continue
        key = (fields["Repo-URI"], fields["Release"])
        components = found.setdefault(key, [])
        if fields["Component"] not in components:
            components.append(fields["Component"])
    return tuple(Source(uri, suite, tuple(parts)) for (uri, suite), parts in found.items())


def host_sources(codename: str) -> tuple[Source, ...]:
    """The host's own sources for a Debian release: the release, its updates, its security suite.

    Raises:
        SiteError: the host's apt knows no such release.
        CommandFailed: apt could not be asked.
    """
    known = parse_indextargets(run(["apt-get", "indextargets"], UPDATE_LIMIT_S))
    wanted = {codename, f"{codename}-updates", f"{codename}-security"}
    sources = tuple(source for source in known if source.suite in wanted)
    if not any(source.suite == codename for source in sources):
        raise SiteError(
            f"The host's apt knows no source for Debian '{codename}' "
            f"(it has: {', '.join(sorted({s.suite for s in known})) or 'none'}); "
            f"add one to /etc/apt/sources.list.d, because the lab is made of its packages."
        )
    return sources


def backports_of(sources: Iterable[Source], codename: str) -> Source:
    """The backports suite on the mirror that carries the release itself."""
    main = next(source for source in sources if source.suite == codename)
    return Source(main.uri, f"{codename}-backports", ("main",))


def run(argv: Sequence[str], limit_s: float, *, env: Mapping[str, str] | None = None) -> str:
    """Standard output of a command that must succeed within the limit (seconds, unscaled).

    Raises:
        CommandFailed: it is not there, or ended with another status than 0.
        CommandTimeout: it was ended at the limit.
    """
    shown = shlex.join(argv[:6])
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=scaled(limit_s),
            env=env,
            check=False,
        )
    except FileNotFoundError:
        raise CommandFailed(f"The program '{argv[0]}' is not installed.") from None
    except subprocess.TimeoutExpired:
        raise CommandTimeout(
            f"'{shown} …' did not end within {scaled(limit_s):.0f} s and was stopped."
        ) from None
    if done.returncode != 0:
        said = " | ".join((done.stderr or done.stdout).strip().splitlines()[-4:])
        raise CommandFailed(f"'{shown} …' ended with status {done.returncode}: {said}")
    return done.stdout


@dataclass(frozen=True)
class PrivateApt:
    """apt with state and cache of its own under ``root``.

    ``status`` is the dpkg status file against which dependencies are resolved; without one,
    nothing counts as installed.
    """

    root: Path
    sources: tuple[Source, ...]
    status: Path | None = None

    def prepare(self) -> None:
        """Write the configuration; the directory then stands on its own."""
        for part in ("lists/partial", "archives/partial", "empty"):
            (self.root / part).mkdir(parents=True, exist_ok=True)
        (self.root / "sources.list").write_text(
            "".join(f"{source.line()}\n" for source in self.sources)
        )
        (self.root / "no-status").touch()
        status = self.status or self.root / "no-status"
        lines = [
            f'Dir::State "{self.root}";',
            f'Dir::State::lists "{self.root}/lists";',
            f'Dir::State::status "{status}";',
            f'Dir::Cache "{self.root}";',
            f'Dir::Cache::archives "{self.root}/archives";',
            f'Dir::Etc::sourcelist "{self.root}/sources.list";',
            f'Dir::Etc::sourceparts "{self.root}/empty";',
            f'Dir::Etc::preferences "{self.root}/none";',
            f'Dir::Etc::preferencesparts "{self.root}/empty";',
            'APT::Sandbox::User "";',
            'APT::Install-Recommends "false";',
            'APT::Architectures { "amd64"; };',
            'Acquire::Languages "none";',
            'Debug::NoLocking "true";',
            *(f"#clear {hook};" for hook in _HOOKS),
        ]
        (self.root / "apt.conf").write_text("\n".join(lines) + "\n")

    def _apt(self, tool: str, *arguments: str, limit_s: float) -> str:
        return run([tool, "-c", str(self.root / "apt.conf"), *arguments], limit_s)

    def update(self) -> None:
        """Fetch the package lists.

        Raises:
            CommandFailed: a source could not be read; the message carries apt's own words.
        """
        self._apt(
            "apt-get", "-qq", "-o", "APT::Update::Error-Mode=any", "update", limit_s=UPDATE_LIMIT_S
        )

    def closure(self, packages: Iterable[str], *, release: str | None = None) -> dict[str, str]:
        """Name and version of every package that installing ``packages`` would bring."""
        target = ["-t", release] if release else []
        text = self._apt(
            "apt-get", *target, "--simulate", "-qq", "install", *packages, limit_s=UPDATE_LIMIT_S
        )
        return parse_simulation(text)

    def available(self) -> str:
        """The stanzas of every package the sources offer."""
        return self._apt("apt-cache", "dumpavail", limit_s=UPDATE_LIMIT_S)

    def download(self, versions: Mapping[str, str]) -> tuple[Deb, ...]:
        """The package files of exactly these versions, fetched where they are not there yet."""
        directory = self.root / "archives"
        stanzas = parse_stanzas(
            self._apt(
                "apt-cache",
                "show",
                *(f"{name}={version}" for name, version in versions.items()),
                limit_s=UPDATE_LIMIT_S,
            )
        )
        missing = []
        for (name, version), stanza in ((key, stanzas[key]) for key in versions.items()):
            path = directory / _file_name(stanza)
            if not is_whole(path, stanza):
                path.unlink(missing_ok=True)
                missing.append(f"{name}={version}")
        if missing:
            argv = ["apt-get", "-c", str(self.root / "apt.conf"), "-qq", "download", *missing]
            run(["env", "-C", str(directory), *argv], DOWNLOAD_LIMIT_S)
        return tuple(
            Deb(name, version, directory / _file_name(stanza), stanza)
            for name, version in versions.items()
            for stanza in (stanzas[name, version],)
        )


def parse_simulation(text: str) -> dict[str, str]:
    """Name and version of each ``Inst`` line of ``apt-get --simulate``.

    Upgrades (``Inst name [old] (new …)``) count with their new version.
    """
    pattern = re.compile(r"^Inst (\S+?)(?::\S+)? (?:\[[^]]*\] )?\((\S+) ", re.MULTILINE)
    return dict(pattern.findall(text))


def parse_stanzas(text: str) -> dict[tuple[str, str], str]:
    """Control stanzas by (package, version), the first one of each."""
    found: dict[tuple[str, str], str] = {}
    for block in re.split(r"\n\n+", text.strip()):
        fields = dict(re.findall(r"^(Package|Version): (\S+)$", block, re.MULTILINE))
        if len(fields) == 2:
            found.setdefault((fields["Package"], fields["Version"]), block)
    return found


def is_whole(path: Path, stanza: str) -> bool:
    """Whether the package file is there as its stanza has it; an interrupted fetch is not."""
    want = dict(re.findall(r"^(Size|SHA256): (\S+)$", stanza, re.MULTILINE))
    try:
        if path.stat().st_size != int(want["Size"]):
            return False
        with path.open("rb") as file:
            return bool(hashlib.file_digest(file, "sha256").hexdigest() == want["SHA256"])
    except (OSError, KeyError):
        return False


def _file_name(stanza: str) -> str:
    """The name ``apt-get download`` gives the package file: colons of the version escaped."""
    fields = dict(re.findall(r"^(Package|Version|Architecture): (\S+)$", stanza, re.MULTILINE))
    version = fields["Version"].replace(":", "%3a")
    return f"{fields['Package']}_{version}_{fields['Architecture']}.deb"
