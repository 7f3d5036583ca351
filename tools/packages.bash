# shellcheck shell=bash
# What the scripts in this folder need from Debian. Sourced, not run.

# What `swift build` needs on a Debian that has nothing but the toolchain, and what we link.
# shellcheck disable=SC2034  # read by the scripts that source this file
build_packages=(
    binutils ca-certificates curl git libc6-dev libcurl4 libgcc-12-dev libncurses6 libsqlite3-0
    libsqlite3-dev libsrtp2-dev libssl-dev libstdc++-12-dev libxml2 openssl pkg-config util-linux zlib1g-dev
)

# Faster AES-GCM, where Debian has it.
if [[ $(uname -m) == x86_64 ]]; then build_packages+=(libipsec-mb-dev); fi

# Installs those of the packages named that are missing; asks nothing and, when none is, does nothing.
#
# Returns 1, having printed the line to run, where a package is missing and we are not root.
require_packages() {
    local -a missing=()
    local package status
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        echo "tools: this is not Debian; make sure that these are here: $*" >&2
        return 0
    fi
    for package in "$@"; do
        status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) || status=
        [[ $status == ?i* ]] || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    if ((EUID != 0)); then
        echo "tools: packages are missing; as root: apt-get update && apt-get install -y ${missing[*]}" >&2
        return 1
    fi
    echo "tools: installing ${missing[*]}"
    DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update </dev/null \
        && DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
            install --no-install-recommends "${missing[@]}" </dev/null
}
