# Sourced by ./vlm, ./test and .ci/run: finds Swift and installs the Debian packages that are missing.
# shellcheck shell=bash
# Everything here speaks on standard error, so that standard output stays the program's.

complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

find_swift() {
    local candidate
    if command -v swift >/dev/null 2>&1; then return 0; fi
    for candidate in /opt/swift/usr/bin /opt/swift/bin "${HOME:-/root}/.local/share/swiftly/bin" "${HOME:-/root}/.swiftly/bin" /usr/libexec/swift/bin; do
        if [ -x "$candidate/swift" ]; then
            PATH="$candidate:$PATH"
            export PATH
            return 0
        fi
    done
    complain "Swift 6.1 or newer is needed and was not found. Install it from https://www.swift.org/install/linux/ and run this again."
    exit 1
}

install_packages() {
    local list="$1/Tools/debian-packages.txt" package log missing=() installer=(env DEBIAN_FRONTEND=noninteractive)
    command -v dpkg-query >/dev/null 2>&1 || {
        complain "this is not a Debian system: make sure the libraries listed in $list are installed."
        return 0
    }
    while read -r package; do
        case "$package" in '' | '#'*) continue ;; esac
        [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | cut -c1-2)" = ii ] || missing+=("$package")
    done <"$list"
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
            installer=(sudo -n "${installer[@]}")
        else
            complain "Debian packages are missing. Install them and run this again:"
            printf '    sudo apt-get install -y %s\n' "${missing[*]}" >&2
            exit 1
        fi
    fi
    complain "installing ${missing[*]}"
    log=$(mktemp)
    if ! {
        "${installer[@]}" apt-get install -y -qq "${missing[@]}" ||
            { "${installer[@]}" apt-get update -qq &&
                "${installer[@]}" apt-get install -y -qq "${missing[@]}"; }
    } >/dev/null 2>"$log"; then
        cat "$log" >&2
        rm -f "$log"
        complain "the packages could not be installed. Install them and run this again:"
        printf '    sudo apt-get install -y %s\n' "${missing[*]}" >&2
        exit 1
    fi
    rm -f "$log"
}
