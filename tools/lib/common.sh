# SPDX-License-Identifier: MIT OR Apache-2.0
# Shell functions shared by the tools: messages, the cache folder, Debian's archive through a private apt root.
# Sourced, never run. Nothing here touches the user's apt sources, lists or package cache: every private root lives in
# the cache folder, takes its mirror from the sources that apt already has, and keeps apt's own settings (proxies, auth).

top=$(cd "$(dirname "$0")/.." && pwd)

say() { printf '%s\n' "${0##*/}: $*" >&2; }
die() {
    say "$*"
    exit 1
}

# Downloads outlive the build folder: VM_CACHE, or vm/ in the user's cache folder.
if [ -n "${VM_CACHE:-}" ]; then
    cache=$VM_CACHE
elif [ -n "${XDG_CACHE_HOME:-}" ]; then
    cache=$XDG_CACHE_HOME/vm
elif [ -n "${HOME:-}" ] && [ "$HOME" != / ]; then
    cache=$HOME/.cache/vm
else
    cache=$top/build/cache
fi

# The suite of Debian that this machine runs, empty elsewhere.
host_suite() {
    [ -r /etc/os-release ] || return 0
    # shellcheck disable=SC1091
    (. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
}

# Where apt gets this machine's packages: the archive's address without a slash at the end. Other suites and architectures
# of the same archive lie beside the one in use. One-line and deb822 sources are both read by apt itself.
debian_mirror() {
    apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Identifier: Packages' 2>/dev/null |
        awk -v suite="$(host_suite)" '
            $1 ~ /-security$|-updates$|-backports$|\// { next }
            $1 == suite && !best { best = $2 }
            $1 ~ /^(oldstable|stable|testing|sid|bookworm|trixie|forky)$/ && !other { other = $2 }
            END { uri = best ? best : other; sub(/\/+$/, "", uri); print uri }'
}

# Options of a sources line: the archive's keys where Debian's package keeps them, else whatever apt trusts.
debian_signed_by() {
    for ring in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp; do
        if [ -r "$ring" ]; then
            printf '[signed-by=%s] ' "$ring"
            return 0
        fi
    done
}

# apt_root DIR SUITE...: makes (or keeps) a private apt root that knows these suites and nothing else.
apt_root() {
    root=$1
    shift
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || die "apt's sources name no Debian archive; add one (deb or deb822 form) and run me again"
    mkdir -p "$root/lists/partial" "$root/cache/archives/partial" "$root/debs"
    [ -e "$root/status" ] || : >"$root/status"
    for suite in "$@"; do
        printf 'deb %s%s %s main\n' "$(debian_signed_by)" "$mirror" "$suite"
    done >"$root/sources.list.new"
    if cmp -s "$root/sources.list.new" "$root/sources.list"; then
        rm -f "$root/sources.list.new"
    else
        mv "$root/sources.list.new" "$root/sources.list"
        rm -f "$root/updated"
    fi
}

# apt_in DIR PROGRAM ARGUMENT...: apt-get or apt-cache on a private root. Running as root, apt would download as the user
# _apt, who may not enter a home folder: it stays the caller here. Signatures are checked either way.
apt_in() {
    root=$1
    program=$2
    shift 2
    "$program" -q -o Dir::Etc::sourcelist="$root/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$root/lists" -o Dir::Cache="$root/cache" -o APT::Sandbox::User="$(id -un)" \
        -o APT::Get::List-Cleanup=0 -o Acquire::Retries=3 -o APT::Update::Post-Invoke-Success::= "$@"
}

# apt_update DIR [OPTION...]: fetches the indexes unless that was done within a day; VM_APT_REFRESH=1 insists.
apt_update() {
    root=$1
    shift
    if [ -z "${VM_APT_REFRESH:-}" ] && [ -n "$(find "$root/updated" -mmin -1440 2>/dev/null)" ]; then
        return 0
    fi
    if ! apt_in "$root" apt-get update --error-on=any "$@" >"$root/update.log" 2>&1; then
        grep -E '^(E|W|Err)' "$root/update.log" | head -5 >&2
        die "apt could not fetch the indexes in $root/sources.list (network, or keys older than the suite: update debian-archive-keyring)"
    fi
    : >"$root/updated"
}
