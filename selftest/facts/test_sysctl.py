from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.facts import sysctl
from gntverify.facts.shape import parse_cat

ETC, RUN, LIB = "/etc/sysctl.d", "/run/sysctl.d", "/usr/lib/sysctl.d"


def test_interfaces_keep_their_dots(samples: SimpleNamespace) -> None:
    table = sysctl.parse_interface_sysctls(samples.SYSCTL)
    assert table["eth0.2186"]["rp_filter"] == 2
    with pytest.raises(ParseError, match=r"conf\.all"):
        sysctl.parse_interface_sysctls("net.ipv4.conf.lo.rp_filter = 0\n")


def test_what_is_in_force_is_joined_as_the_kernel_does(samples: SimpleNamespace) -> None:
    table = sysctl.parse_interface_sysctls(samples.SYSCTL)
    assert sysctl.effective(table, "rp_filter") == {"default": 0, "eth0.2186": 2}
    assert sysctl.effective(table, "proxy_arp") == {"default": 0, "eth0.2186": 1}
    # a router needs both, a host either
    assert sysctl.effective(table, "accept_redirects") == {"default": 1, "eth0.2186": 1}
    with pytest.raises(ParseError, match="send_redirects"):
        sysctl.effective(table, "send_redirects")


def test_of_two_files_of_one_name_etc_counts_and_names_give_the_order() -> None:
    files = {
        f"{LIB}/50-a.conf": "net.ipv4.ip_forward = 0\n",
        f"{ETC}/50-a.conf": "net.ipv4.ip_forward = 1\n",
        f"{ETC}/10-b.conf": "kernel.x = 1\n",
        f"{RUN}/60-b.conf": "kernel.x = 2\n",
        f"{LIB}/99-off.conf": "kernel.x = 3\n",
        f"{ETC}/99-off.conf": "",
    }
    settings = sysctl.parse_sysctl_files(files)
    assert settings["net.ipv4.ip_forward"] == sysctl.Setting("1", f"{ETC}/50-a.conf")
    assert settings["kernel.x"] == sysctl.Setting("2", f"{RUN}/60-b.conf")


def test_an_explicit_key_counts_before_a_pattern_and_an_excluded_one_is_unset() -> None:
    files = {
        f"{ETC}/10-own.conf": "net.ipv4.conf.eth0.rp_filter=1",
        f"{LIB}/50-default.conf": (
            "# as upstream ships it\n"
            "net.ipv4.conf.default.rp_filter = 2\n"
            "net.ipv4.conf.*.rp_filter = 2\n"
            "-net.ipv4.conf.all.rp_filter\n"
        ),
    }
    settings = sysctl.parse_sysctl_files(files)

    def value(interface: str) -> str | None:
        found = sysctl.persisted(settings, f"net.ipv4.conf.{interface}.rp_filter")
        return found.value if found else None

    assert [value(i) for i in ("eth0", "default", "lo", "all")] == ["1", "2", "2", None]
    assert sysctl.persisted(settings, "net.ipv4.conf.lo.proxy_arp") is None


def test_slashes_and_dots_are_interchanged_by_the_first_separator() -> None:
    files = {f"{ETC}/a.conf": "net/ipv4/conf/eth0.2186/rp_filter=1\nkernel/x = 5\n"}
    settings = sysctl.parse_sysctl_files(files)
    assert set(settings) == {"net.ipv4.conf.eth0/2186.rp_filter", "kernel.x"}


def test_lines_and_places_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ParseError):
        sysctl.parse_sysctl_files({f"{ETC}/a.conf": "net.ipv4.ip_forward 1\n"})
    with pytest.raises(ParseError, match="none of the directories"):
        sysctl.parse_sysctl_files({"/etc/sysctl.conf": "a.b = 1\n"})


@given(
    st.dictionaries(
        st.tuples(
            st.sampled_from(sysctl.DIRECTORIES),
            st.sampled_from(["10-a.conf", "20-b.conf", "c.conf"]),
        ),
        st.integers(0, 9),
        min_size=1,
    )
)
def test_the_last_name_of_the_first_directory_wins(files: dict[tuple[str, str], int]) -> None:
    last = max(name for _, name in files)
    first = min((d for d, name in files if name == last), key=sysctl.DIRECTORIES.index)
    texts = {f"{d}/{name}": f"kernel.x = {value}" for (d, name), value in files.items()}
    want = sysctl.Setting(str(files[first, last]), f"{first}/{last}")
    assert sysctl.parse_sysctl_files(texts)["kernel.x"] == want


def test_bridges_call_what_the_kernel_says(samples: SimpleNamespace) -> None:
    found = sysctl.parse_bridge_calls(parse_cat(samples.BRIDGE_CALLS))
    assert found == frozenset({"iptables"})


def test_without_br_netfilter_there_is_nothing_to_call() -> None:
    assert sysctl.parse_bridge_calls({sysctl.WITNESS: "6.1.0-26-amd64\n"}) is None


@pytest.mark.parametrize(
    "files", [{}, {sysctl.WITNESS: "6.1\n", f"{sysctl.BRIDGE_CALL}iptables": "2\n"}]
)
def test_bridge_calls_that_were_not_read_are_refused(files: dict[str, str]) -> None:
    with pytest.raises(ParseError):
        sysctl.parse_bridge_calls(files)
