# The address of a probe, from what Ganeti tells the OS scripts. Read by bash.

number() {
    local a b c d
    IFS=. read -r a b c d <<<"$1"
    echo $(((a << 24) + (b << 16) + (c << 8) + d))
}

# on_link ADDRESS LINK: prefix length of this node's own network on that link which it lies in
on_link() {
    local own mask
    while read -r own; do
        mask=$((0xffffffff << (32 - ${own#*/}) & 0xffffffff))
        if [ $(($(number "${own%/*}") & mask)) -eq $(($(number "$1") & mask)) ]; then
            echo "${own#*/}"
            return
        fi
    done < <(ip -o -4 address show dev "$2" 2>/dev/null | sed 's/.* inet \([0-9./]*\) .*/\1/')
}

# network_file: the lines of /etc/network; none where the instance has no address
network_file() {
    local address=${OSP_ADDRESS:-} gateway=${OSP_GATEWAY:-${NIC_0_NETWORK_GATEWAY:-}} prefix
    if [ -z "$address" ] && [ -n "${NIC_0_IP:-}" ]; then
        case ${NIC_0_MODE:-}:${NIC_0_NETWORK_SUBNET:-} in
            *:*/*) prefix=${NIC_0_NETWORK_SUBNET#*/} ;;
            routed:*) prefix=32 ;;
            *) prefix=$(on_link "$NIC_0_IP" "${NIC_0_LINK:-}") ;;
        esac
        [ -n "$prefix" ] || fail "the prefix length of $NIC_0_IP is unknown: it is in no network \
of Ganeti's, nor in one of this node's on '${NIC_0_LINK:-}'; say '-O address=$NIC_0_IP/LENGTH'."
        address=$NIC_0_IP/$prefix
    fi
    [ -z "$address" ] || echo "address $address"
    [ -z "$gateway" ] || echo "gateway $gateway"
}
