#!/usr/bin/env bash
# Installs what the tests need beside Python: Debian packages (as root) and the npm packages of tests/node.
# With everything there it only looks, and takes a few milliseconds.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A packages=(
  [postgresql]='compgen -G "/usr/lib/postgresql/*/bin/initdb" || command -v initdb'
  [redis-server]='command -v redis-server'
  [chromium]='command -v chromium'
  [fonts-dejavu-core]='test -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf'
  [systemd]='command -v systemd-analyze'
  [slapd]='test -x /usr/sbin/slapd'
  [ldap-utils]='command -v ldapmodify'
  [curl]='command -v curl'
  [php-cli]='command -v php'
  [php-xml]='php -m 2>/dev/null | grep -x dom'
)

absent() {
  local package
  for package in "${!packages[@]}"; do
    eval "${packages[$package]}" >/dev/null || printf '%s\n' "$package"
  done
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300 "$@"
}

mapfile -t missing < <(absent)
if ((${#missing[@]})); then
  if ((EUID != 0)); then
    echo "The tests need these Debian packages: ${missing[*]}" >&2
    echo "  → sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  echo "Installing ${missing[*]}"
  # The package lists of a new machine are empty, and old lists name files that are gone.
  for attempt in 1 2 3; do
    if apt update && apt install -y --no-install-recommends "${missing[@]}" >/dev/null; then break; fi
    ((attempt < 3)) || exit 1
    sleep $((attempt * 5))
  done
fi

# Its package wants a web server installed; the tests want its code alone, so it is unpacked.
simplesamlphp=tests/peers/unpacked
if [[ ! -e /usr/share/simplesamlphp/www && ! -e $simplesamlphp/usr/share/simplesamlphp/www ]]; then
  echo "Unpacking simplesamlphp"
  ((EUID != 0)) || apt update
  mkdir -p $simplesamlphp
  (cd $simplesamlphp && apt-get -qq download simplesamlphp && dpkg-deb -x simplesamlphp_*.deb . && rm simplesamlphp_*.deb)
fi

cd tests/node
if ! cmp -s package-lock.json node_modules/installed-lock.json; then
  PATH="$PWD/../../.venv/bin:$PATH" npm ci --ignore-scripts --no-progress --fetch-retries=5
  cp package-lock.json node_modules/installed-lock.json
fi
