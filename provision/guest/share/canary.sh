# The canary: data that tells whether a disk is whole, and how old it is. docs/guest.md has the
# format. Read by dash on a node and by busybox in the guest; $canary is its directory.

HEX64='[0-9a-f]\{64\}'

# advance SEQ TIME NAME DATA JOURNAL: one more heartbeat is on the disk when this returns. DATA are
# the manifest's lines of the data, $journal_bytes is the journal's size, before and after.
# What the new manifest names is on the disk before it takes the old one's place. Few processes:
# each costs a guest under emulation some hundredths of a second.
advance() {
    line="$1 $2 $3"
    echo "$line" >>"$canary/$5" || return
    journal_bytes=$((journal_bytes + ${#line} + 1))
    sum=$(sha256sum "$canary/$5") || return
    body="gntverify-probe 1 $line
$4
journal ${sum%% *} $journal_bytes $5"
    sum=$(echo "$body" | sha256sum) || return
    printf '%s\nend %s\n' "$body" "${sum%% *}" >"$canary/MANIFEST.new" || return
    sync "$canary/$5" "$canary/MANIFEST.new" || return
    mv "$canary/MANIFEST.new" "$canary/MANIFEST" && sync "$canary"
}

# sealed FILE: whether it ends with the checksum of all before
sealed() {
    last=$(tail -n 1 "$1")
    sum=$(sed '$d' "$1" | sha256sum)
    [ "$last" = "end ${sum%% *}" ]
}

# broken_data FILE: the data that is not as this manifest has it, in words
broken_data() {
    sed -n "/^$HEX64  /p" "$1" | (cd "$canary" && sha256sum -c 2>/dev/null) |
        sed -n 's/: FAILED.*//p' | while read -r path; do
        if [ -e "$canary/$path" ]; then echo "$path differs"; else echo "$path is missing"; fi
    done
    sed -n 's/^journal //p' "$1" | while read -r want size path; do
        if [ ! -e "$canary/$path" ]; then
            echo "$path is missing"
        elif sum=$(head -c "$size" "$canary/$path" | sha256sum); [ "${sum%% *}" != "$want" ]; then
            echo "$path differs"
        fi
    done
}

# check: one line, "canary SEQ TIME ok" or "canary SEQ TIME broken: WHAT, WHAT"
check() {
    manifest=$canary/MANIFEST
    if [ ! -s "$manifest" ]; then
        echo "canary - - broken: MANIFEST is missing"
        return 1
    fi
    read -r _ _ seq time _ <"$manifest"
    if ! sealed "$manifest"; then
        echo "canary - - broken: MANIFEST differs"
        return 1
    fi
    wrong=$(broken_data "$manifest" | tr '\n' ',' | sed 's/,$//; s/,/, /g')
    echo "canary $seq $time ${wrong:+broken: }${wrong:-ok}"
    [ -z "$wrong" ]
}
